namespace LTHKit.Tests;

/// <summary>Counts the forward passes of a network, and does something in the one of a given number.</summary>
internal sealed class Alarm
{
    private int _at;
    private Action _ring = () => { };

    /// <summary>Forward passes since it was set.</summary>
    public int Passes { get; private set; }

    /// <summary>Begins to count anew.</summary>
    public void Set(int at = 0, Action? ring = null) => (Passes, _at, _ring) = (0, at, ring ?? (() => { }));

    /// <summary>Takes the place of the first activation.</summary>
    public void Put(Network network) => network.Activations[0].Function = x =>
    {
        if (++Passes == _at)
            _ring();
        return nn.functional.relu(x);
    };

    /// <summary>Puts it into the networks of a run.</summary>
    public sealed record Tweak : LTHKit.Tweaks.Tweak
    {
        private readonly Alarm _alarm;

        public Tweak(Alarm alarm) => _alarm = alarm;

        public override string Label => "alarm";

        public override void Rewrite(Network network, TweakContext context) => _alarm.Put(network);
    }
}
