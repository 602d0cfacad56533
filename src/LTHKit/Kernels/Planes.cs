namespace LTHKit.Kernels;

/// <summary>
/// The layout between units: [N/16][C][H+1][W+1][16], sixteen images innermost, so that every vector holds one pixel of that many images and a
/// convolution is a one-dimensional one over the floats of a plane. A row ends in one pixel of zeros and a plane in one row of them; they are the
/// border of what follows too. Before the planes of a block stands a border for the first, so that blocks lie <see cref="Block"/> floats apart.
/// </summary>
internal sealed unsafe record Planes(int Images, int Channels, int Height, int Width)
{
    /// <summary>Images side by side.</summary>
    public const int Lanes = 16;

    /// <summary>Floats that a tile may reach past the last plane.</summary>
    public const int Tail = 16 * Lanes;

    /// <summary>Blocks of sixteen images; the last may hold fewer.</summary>
    public int Blocks => (Images + Lanes - 1) / Lanes;

    /// <summary>Floats from row to row.</summary>
    public int Pitch => (Width + 1) * Lanes;

    /// <summary>Floats of a plane's rows, that of zeros not counted.</summary>
    public int Run => Height * Pitch;

    /// <summary>
    /// Floats from plane to plane: whole tiles fit, and of large ones a tile's places in neighbouring channels do not share sets of the first cache.
    /// </summary>
    public int Plane => Math.Max(Run + Pitch + (Run < 4096 ? 0 : 4 * Lanes), (Run + Passes.Tile - 1) / Passes.Tile * Passes.Tile);

    /// <summary>Floats before the first plane of a block.</summary>
    public int Lead => Pitch + Lanes;

    /// <summary>Floats from block to block.</summary>
    public long Block => Lead + (long)Channels * Plane;

    /// <summary>
    /// Where the tiles begin: without the border where a row is of eights of pixels, or of four, of which a tile takes two rows; else along the run.
    /// </summary>
    public int[] Tiles => Width % 8 == 0 ? [.. Enumerable.Range(0, Height * Width / 8).Select(i => i / (Width / 8) * Pitch + i % (Width / 8) * Passes.Tile)]
        : Width == 4 ? [.. Enumerable.Range(0, (Height + 1) / 2).Select(i => i * 2 * Pitch)]
        : [.. Enumerable.Range(0, (Run + Passes.Tile - 1) / Passes.Tile).Select(i => i * Passes.Tile)];

    /// <summary>Floats from a tile's first four pixels to its others.</summary>
    public int Half => Width == 4 ? Pitch : 4 * Lanes;

    /// <summary>Pixels of a channel over all images.</summary>
    public long Count => (long)Images * Height * Width;

    /// <summary>Pixels of a channel over a block's images.</summary>
    public double CountOf(int block) => (double)Math.Min(Lanes, Images - block * Lanes) * Height * Width;

    /// <summary>Floats of all.</summary>
    public long Size => Blocks * Block + Tail;

    /// <summary>The planes that a tensor of this layout holds.</summary>
    public static Planes Of(Tensor blocked, int images) => new(images, (int)blocked.size(1), (int)blocked.size(2) - 1, (int)blocked.size(3) - 1);

    /// <summary>Memory of <see cref="Size"/> floats as planes.</summary>
    public Tensor View(Tensor memory)
        => memory.as_strided([Blocks, Channels, Height + 1, Width + 1, Lanes], Strides, memory.storage_offset() + Lead);

    /// <summary>The tensor in this layout: itself if it is, else a copy with borders of zeros.</summary>
    public Tensor Laid(Tensor blocked, Workspace work)
        => IsLaid(blocked) ? blocked : Copied(Pixels(blocked), work);

    /// <summary>[N, C, H, W] -> this layout; differentiable.</summary>
    public Tensor FromImages(Tensor images, Workspace work)
    {
        var whole = Images % Lanes == 0 ? images : cat([images, images.new_zeros([Blocks * Lanes - Images, Channels, Height, Width])]);
        var pixels = whole.reshape(Blocks, Lanes, Channels, Height, Width).permute(0, 2, 3, 4, 1);      // [N/16, C, H, W, 16]
        return images.requires_grad ? nn.functional.pad(pixels, [0, 0, 0, 1, 0, 1]) : Copied(pixels, work);
    }

    /// <summary>This layout -> [N, C, H, W]; differentiable.</summary>
    public Tensor ToImages(Tensor blocked) => Pixels(blocked).permute(0, 4, 1, 2, 3).reshape(Blocks * Lanes, Channels, Height, Width).narrow(0, 0, Images);

    /// <summary>This layout -> [N, C], the mean of each plane; differentiable.</summary>
    public Tensor Means(Tensor blocked) => Pixels(blocked).mean([2, 3]).permute(0, 2, 1).reshape(Blocks * Lanes, Channels).narrow(0, 0, Images);

    /// <summary>Where a block of planes that begin there stands; null for none.</summary>
    public float* At(float* start, int block) => start == null ? null : start + block * Block;

    /// <summary>Where a tensor's first element is. (TorchSharp's own ways make a tensor more of it, or check it at length; a step asks a thousand times.)</summary>
    public static float* Start(Tensor tensor) => (float*)THSTensor_data(tensor.Handle);

    /// <summary>The same of a tensor that need not be; null where it is not.</summary>
    public static float* StartIfAny(Tensor? tensor) => tensor is { IsInvalid: false } ? Start(tensor) : null;

    private long[] Strides => [Block, Plane, Pitch, Lanes, 1];

    private bool IsLaid(Tensor blocked) => blocked.storage_offset() >= Lead && blocked.stride(0) == Block && blocked.stride(1) == Plane
        && blocked.stride(2) == Pitch && blocked.stride(3) == Lanes && blocked.stride(4) == 1;

    private Tensor Copied(Tensor pixels, Workspace work)
    {
        var laid = View(work.Floats(Size).zero_());
        Pixels(laid).copy_(pixels);
        return laid;
    }

    private Tensor Pixels(Tensor blocked) => blocked.narrow(2, 0, Height).narrow(3, 0, Width);

    [DllImport("LibTorchSharp")]
    private static extern nint THSTensor_data(nint tensor);
}

/// <summary>
/// One row's worth of masks, all bits set in a pixel's place and none in the border's, and a tile more: for the first blocks and for the last one, in
/// which lanes may be empty; and the same for the last tile of a plane, which ends with the plane.
/// </summary>
internal sealed unsafe class Masks
{
    private readonly float[] _table;
    private readonly int _half, _blocks;

    public Masks(Planes planes)
    {
        const int tile = Passes.Tile;
        var (pitch, lastTile) = (planes.Pitch, planes.Tiles[^1]);
        (_blocks, _half, Tail) = (planes.Blocks, pitch + 3 * tile, pitch + tile);
        _table = GC.AllocateArray<float>(2 * _half + Planes.Lanes, pinned: true);
        for (var last = 0; last < 2; last++)
        {
            var lanes = last == 0 ? Planes.Lanes : planes.Images - (planes.Blocks - 1) * Planes.Lanes;
            float Value(int f) => f % pitch < planes.Width * Planes.Lanes && f % Planes.Lanes < lanes ? BitConverter.UInt32BitsToSingle(uint.MaxValue) : 0;
            for (var f = 0; f < pitch + tile; f++)
                _table[last * _half + f] = Value(f);
            for (var f = lastTile; f < Math.Min(planes.Run, lastTile + 2 * tile); f++)
                _table[last * _half + Tail + f - lastTile] = Value(f);
        }
    }

    /// <summary>Where the last tile's masks stand behind a block's first.</summary>
    public int Tail { get; }

    /// <summary>The masks of a block.</summary>
    public float* Of(int block) => (float*)Unsafe.AsPointer(ref _table[block < _blocks - 1 ? 0 : _half]);
}
