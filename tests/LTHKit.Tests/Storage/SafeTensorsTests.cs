using System.Buffers.Binary;
using System.Text;
using CsCheck;
using LTHKit.Storage;

namespace LTHKit.Tests.Storage;

public sealed class SafeTensorsTests : InFolder
{
    private static readonly ScalarType[] Types =
    [
        ScalarType.Float32, ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Int8,
        ScalarType.Byte, ScalarType.Bool,
    ];

    private string At(string header, int bytes = 0)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, Encoding.UTF8.GetByteCount(header));
        return At([.. length, .. Encoding.UTF8.GetBytes(header), .. new byte[bytes]]);
    }

    private string At(byte[] content)
    {
        var path = Folder.At("file.safetensors");
        File.WriteAllBytes(path, content);
        return path;
    }

    private static readonly Dictionary<string, string> None = [];

    private static string Refusal(string path) => Assert.Throws<UserException>(() => SafeTensors.Load(path)).Message;

    // Names, types and shapes at random, empty and scalar ones too; what was written is read, to the bit.
    [Fact]
    public void WhatIsWrittenIsRead() =>
        Gen.Select(Gen.String, Gen.OneOf(Types), Gen.Int[0, 3].Array[0, 4], Gen.Byte).Array[0, 6].Where(all => all.Select(t => t.Item1).Distinct().Count() == all.Length)
            .Where(all => all.All(t => t.Item1 != "__metadata__" && IsText(t.Item1))).Sample(all =>
            {
                using var scope = NewDisposeScope();
                var tensors = all.Select(t => (t.Item1, ones([.. t.Item3.Select(d => (long)d)], ScalarType.Float32).mul(t.Item4).to(t.Item2))).ToList();
                var path = Folder.At($"{Environment.CurrentManagedThreadId}.safetensors");
                SafeTensors.Save(path, tensors, new Dictionary<string, string> { ["a \"name\""] = "ä\n" });
                var (read, metadata) = SafeTensors.Load(path);
                Assert.Equal("ä\n", metadata["a \"name\""]);
                Assert.Equal(tensors.Count, read.Count);
                foreach (var (name, value) in tensors)
                {
                    Assert.Equal((value.dtype, value.numel()), (read[name].dtype, read[name].numel()));
                    Assert.Equal(value.shape, read[name].shape);
                    Assert.True(value.numel() == 0 || value.bytes.SequenceEqual(read[name].bytes));
                }
            }, iter: 200, threads: 1);

    private static bool IsText(string text) => new UTF8Encoding(false, false).GetString(Encoding.UTF8.GetBytes(text)) == text;

    // Any change of any byte, any cut and any addition is read or refused in one sentence, and asks for no more memory than the file has.
    [Fact]
    public void ADamagedFileIsReadOrRefusedInOneSentence()
    {
        var path = Folder.At("whole.safetensors");
        using (NewDisposeScope())
            SafeTensors.Save(path, [("a.weight", ones(2, 3)), ("b", zeros(0, 4)), ("c", tensor(7L))], new Dictionary<string, string> { ["format"] = "pt" });
        var whole = File.ReadAllBytes(path);
        var text = whole.Length - 32;
        var piece = Gen.OneOf(Gen.Byte.Array[0, 3], Gen.OneOf("null", "{}", "[]", "-1", "1e9", "9223372036854775807", "4611686018427387904", "\"", ",", "U8", "0,0").Select(Encoding.UTF8.GetBytes));
        Gen.Select(Gen.Int[0, whole.Length], Gen.Int[0, 8], piece).Sample((at, cut, put) =>
        {
            byte[] changed = [.. whole[..at], .. put, .. whole[Math.Min(whole.Length, at + cut)..]];
            if (at is >= 8 && at < text)        // the header's length follows, so that its content is what is tried
                BinaryPrimitives.WriteInt64LittleEndian(changed, BinaryPrimitives.ReadInt64LittleEndian(whole) + changed.Length - whole.Length);
            using var scope = NewDisposeScope();
            try
            {
                var (tensors, _) = SafeTensors.Load(At(changed));
                Assert.True(tensors.Values.Sum(t => t.numel() * t.element_size()) <= changed.Length);
            }
            catch (UserException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }, iter: 3000, threads: 1);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0)]           // the product overflows to 0
    [InlineData("""{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}""", 4)]         // 4 TB of a file of 4 bytes
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}""", 4)]       // a hole
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3)]                                  // a hole at the beginning
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3)]       // an overlap
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 3)]                                  // a trailing byte
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 1)]                                  // a missing one
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2)]       // a name twice
    [InlineData("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,-1]}}""", 0)]
    [InlineData("""{"a":{"dtype":"U7","shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}""", 1)]
    [InlineData("""{"a":null}""", 0)]
    [InlineData("""{"__metadata__":{"a":1}}""", 0)]
    [InlineData("""[]""", 0)]
    [InlineData(""" {}""", 0)]                                                                                     // must begin with {
    public void WhatTheFormatForbidsIsRefused(string header, int bytes)
        => Assert.Contains("no whole safetensors file", Refusal(At(header, bytes)));

    [Theory]
    [InlineData("""{}""", 0, 0)]
    [InlineData("""{"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}   """, 1, 1)]                              // an empty name, spaces at the end
    [InlineData("""{"b":{"dtype":"BF16","shape":[1],"data_offsets":[1,3]},"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}""", 3, 2)]       // another order than the bytes'
    [InlineData("""{"a":{"dtype":"F16","shape":[0,9],"data_offsets":[0,0]}}""", 0, 1)]
    public void WhatItAllowsIsRead(string header, int bytes, int count)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(count, SafeTensors.Load(At(header, bytes)).Tensors.Count);
    }

    // IEEE half precision by hand: 1.5 is 0x3E00, -2 is 0xC000; -3 in two's complement is 0xFD.
    [Fact]
    public void OtherTypesAreReadOrRefused()
    {
        using var scope = NewDisposeScope();
        var header = """{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"i":{"dtype":"I8","shape":[2],"data_offsets":[4,6]}}""";
        var path = At(header);
        File.AppendAllBytes(path, [0x00, 0x3E, 0x00, 0xC0, 0xFD, 0x04]);
        var (tensors, _) = SafeTensors.Load(path);
        Assert.Equal([1.5f, -2], tensors["h"].to(ScalarType.Float32).data<float>().ToArray());
        Assert.Equal([-3L, 4], tensors["i"].to(ScalarType.Int64).data<long>().ToArray());
        Assert.Contains("'a' is not described", Refusal(At("""{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}""", 1)));
    }

    [Fact]
    public void ANameTwiceAndATypeTheFormatLacksAreNotWritten()
    {
        using var scope = NewDisposeScope();
        var path = Folder.At("new.safetensors");
        Assert.Contains("the name is taken", Assert.Throws<UserException>(() => SafeTensors.Save(path, [("a", ones(1)), ("a", ones(1))], None)).Message);
        Assert.Contains("the name is taken", Assert.Throws<UserException>(() => SafeTensors.Save(path, [("__metadata__", ones(1))], None)).Message);
        Assert.Contains("has no Complex", Assert.Throws<UserException>(() => SafeTensors.Save(path, [("a", ones(1, ScalarType.ComplexFloat64))], None)).Message);
        Assert.False(File.Exists(path));
    }
}
