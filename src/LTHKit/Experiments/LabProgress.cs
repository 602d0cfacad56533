using System.Diagnostics;

namespace LTHKit.Experiments;

/// <summary>The progress of a set of runs as one line that updates in place: runs, epoch, loss, accuracy, speed and time left.</summary>
internal sealed class LabProgress : IDisposable
{
    private readonly Lock _gate = new();
    private readonly string _name;
    private readonly string? _made;
    private readonly int _runs, _total;
    private readonly long _epochs;
    private readonly ProgressLine _line;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly HashSet<string> _missing, _trained = [];
    private double _epochsDone, _epochsHere;
    private string _last = "";
    private readonly Action<string>? _said;

    public LabProgress(string name, int runs, IReadOnlyList<RunSpec> missing, RunStore? store = null, IReadOnlyList<string>? notes = null,
        Action<string>? said = null)
    {
        _said = said;
        (_name, _runs, _total, _made) = (name, runs, missing.Count, store?.Made);
        _epochs = missing.Sum(s => s.Recipe.Epochs - s.Rewind.Epochs);
        _missing = [.. missing.Select(s => s.Id)];
        var others = missing.SelectMany(spec => store?.OtherMakers(spec) ?? []).GroupBy(maker => maker)
            .Select(made => $"{made.Count()} of these runs made by {made.Key} stay in the store: they would give other numbers");
        _line = new(name, string.Concat(others.Concat(notes ?? []).Select(note => $"\n  {note}")));
        if (_total > 0)
            Update(() => { });
    }

    public TrainingCallback Follow(RunSpec spec)
    {
        var epochClock = Stopwatch.StartNew();
        double? position = null;        // in epochs
        return new(StepDone, EpochDone: EpochDone, Preparing: doing => Update(() => _last = $"{spec.Label}: {doing}"));

        void StepDone(Step done, int iterations) => Update(() =>
        {
            _trained.Add(spec.Id);
            if (position is null)
                _epochsDone += done.Epochs - spec.Rewind.Epochs;        // what an earlier process has done of this run
            var now = done.Epochs + done.Iterations / (double)iterations;
            _epochsDone += now - (position ?? done.Epochs);
            _epochsHere += now - (position ?? done.Epochs);
            position = now;
        });

        void EpochDone(EpochMetrics metrics, int images)
        {
            var speed = images / epochClock.Elapsed.TotalSeconds;
            epochClock.Restart();
            Update(() => _last = FormattableString.Invariant($"{spec.Label}: epoch {metrics.Epoch + 1}/{spec.Recipe.Epochs}, loss {metrics.TrainLoss:0.000}, ")
                + FormattableString.Invariant($"validation {100 * metrics.ValidationAccuracy:0.0} %, {speed:#,0} images/s"));
        }
    }

    /// <summary>A run is finished, whoever trained it.</summary>
    public void Finished(RunSpec spec)
    {
        if (_total > 0)
            Update(() =>
            {
                if (_missing.Remove(spec.Id))
                    _said?.Invoke($"{spec.Id} {spec.Label}{(_trained.Contains(spec.Id) ? "" : ": by another process")}");
            });
    }

    /// <summary>All is done, but for runs that have no result, for these reasons.</summary>
    public void Finish(IReadOnlyList<RunResult>? results = null, IReadOnlyList<string>? reasons = null)
    {
        results ??= [];
        var lost = reasons is { Count: > 0 } ? _missing : [];
        var warning = string.Concat(results.Where(r => r.Collapsed.Count > 0).GroupBy(r => r.Sparsity).OrderBy(g => g.Key).Select(g => FormattableString.Invariant(
                $"\n  layer collapse at {100 * g.Key:0.##} % sparsity: nothing is left of {LayerMask.Of([.. g.SelectMany(r => r.Collapsed).Distinct()])}")))
            + string.Concat(results.Where(r => _made is not null && r.Made != _made).GroupBy(r => r.Made)
                .Select(made => $"\n  {made.Count()} trained by {made.Key}, here it is {_made}: the last digits may differ"))
            + string.Concat((reasons ?? []).Distinct().Take(3).Select(reason => $"\n  {reason}"));
        var (own, found) = (_trained.Except(lost).Count(), _runs - _trained.Union(lost).Count());
        var trained = $"{own} {(own == 1 ? "run" : "runs")} trained{(found > 0 ? $", {found} from the store" : "")}"
            + (lost.Count > 0 ? $", {lost.Count} without a result" : "");
        if (_total > 0)
            _line.Finish($"{_name}: {trained}, {Span(_clock.Elapsed)}", warning);
        else if (warning != "")
            _line.Finish(_name, warning);
    }

    public void Dispose() => _line.Dispose();

    private void Update(Action change)
    {
        lock (_gate)
        {
            change();
            var left = _epochsHere > 0 ? $", {Span(TimeSpan.FromSeconds(Math.Min(1e9, _clock.Elapsed.TotalSeconds * ((_epochs - _epochsDone) / _epochsHere))))} left" : "";
            var share = 100 * _epochsDone / Math.Max(1, _epochs);
            var last = _last == "" ? "" : " | " + _last;
            _line.Show(FormattableString.Invariant($"{_name}: run {Math.Min(_total - _missing.Count + 1, _total)} of {_total}, {share:0} %{left}{last}"));
        }
    }

    private static string Span(TimeSpan time) => time.TotalHours >= 1 ? $"{(int)time.TotalHours} h {time.Minutes:00} min"
        : time.TotalMinutes >= 1 ? $"{time.Minutes} min {time.Seconds:00} s" : $"{time.Seconds} s";
}
