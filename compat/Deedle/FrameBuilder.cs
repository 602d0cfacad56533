using System.Collections;

namespace Deedle;

/// <summary>Builders of frames for collection initialisers.</summary>
public static class FrameBuilder
{
    /// <summary>A frame column by column.</summary>
    public class Columns<R, C> : IEnumerable<KeyValuePair<C, ISeries<R>>> where R : notnull where C : notnull
    {
        private readonly List<KeyValuePair<C, ISeries<R>>> columns = [];

        public Frame<R, C> Frame => new(columns.Select(column => column.Key), columns.Select(column => column.Value));

        public void Add(C key, ISeries<R> value) => columns.Add(new(key, value));

        IEnumerator<KeyValuePair<C, ISeries<R>>> IEnumerable<KeyValuePair<C, ISeries<R>>>.GetEnumerator() => columns.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => columns.GetEnumerator();
    }
}
