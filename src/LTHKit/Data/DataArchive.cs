namespace LTHKit.Data;

/// <summary>One official archive of a data set.</summary>
/// <param name="Set">The data set, as in <see cref="DataSets.Names"/>.</param>
/// <param name="Address">Where its authors publish it.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Md5">Its MD5 checksum, in lower-case hexadecimal.</param>
/// <param name="Md5Source">Who states that checksum.</param>
/// <param name="Folder">The one folder that it holds.</param>
public sealed record DataArchive(string Set, Uri Address, long Bytes, string Md5, string Md5Source, string Folder)
{
    /// <summary>The archive's file name.</summary>
    public string File => Path.GetFileName(Address.AbsolutePath);

    /// <summary>Where the archive lies on a mirror: a web folder with the same file names; without one, the official address.</summary>
    public Uri At(Uri? mirror) => mirror is null ? Address : new Uri(mirror.AbsoluteUri.TrimEnd('/') + "/" + File);
}
