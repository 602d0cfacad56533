namespace LTHKit.Data;

/// <summary>What is changed at random in a training image; the defaults are the paper's (at 32 pixels a padding of 4).</summary>
public sealed record Augmentation
{
    /// <summary>No augmentation.</summary>
    public static Augmentation None { get; } = new() { Padding = 0, Flip = false };

    /// <summary>Zeros put around the image before a random crop of its own size, in pixels; null: an eighth of the height; 0: no crop.</summary>
    public int? Padding { get; init; }

    /// <summary>Whether half of the images are mirrored, left to right.</summary>
    public bool Flip { get; init; } = true;
}
