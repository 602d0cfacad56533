using LTHKit.Storage;

namespace LTHKit.Notebook.Tests;

public sealed class DocumentTests : InFolder
{
    private const string Foreign =
        """
        {
         "cells": [
          {
           "attachments": { "a.png": { "image/png": "AA==" } },
           "cell_type": "markdown",
           "id": "m",
           "metadata": { "slideshow": { "slide_type": "skip" } },
           "source": "one string\nof two lines, é ünd <tags> & 'quotes'"
          },
          {
           "cell_type": "code",
           "execution_count": 3,
           "id": "k",
           "metadata": { "tags": ["parameters", "x"] },
           "outputs": [ { "data": { "application/x-new": { "deep": [1, 2.50, null] } }, "metadata": {}, "output_type": "display_data" } ],
           "source": ["a\n", "b"]
          }
         ],
         "metadata": { "of_tomorrow": { "n": 1e-7 } },
         "nbformat": 4,
         "nbformat_minor": 5,
         "a_new_field": [true]
        }
        """;

    [Fact]
    public void UnknownFieldsSurviveARoundTrip()
    {
        var written = NotebookDocument.Parse(Foreign, "foreign").ToString();
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Foreign), JsonNode.Parse(written)));
        Assert.Contains("é ünd <tags> & 'quotes'", written);
        Assert.Contains("2.50", written);
        Assert.Contains("1e-7", written);
        Assert.Equal(written, NotebookDocument.Parse(written, "again").ToString());
        Assert.StartsWith("{\n \"cells\": [\n  {\n", written);
        Assert.EndsWith("}\n", written);
    }

    [Fact]
    public void CellsAreRead()
    {
        var cells = NotebookDocument.Parse(Foreign, "foreign").Cells;
        Assert.Equal("a\nb", cells[1].Source);
        Assert.Equal(["parameters", "x"], cells[1].Tags);
        Assert.Equal("one string\nof two lines, é ünd <tags> & 'quotes'", cells[0].Source);
    }

    [Fact]
    public void ANotebookWithoutCellIdsGetsThem()
    {
        var old = NotebookDocument.Parse(
            """{"cells":[{"cell_type":"code","source":"","metadata":{},"outputs":[],"execution_count":null},{"cell_type":"markdown","id":"cell-1","source":"","metadata":{}}],"metadata":{},"nbformat":4,"nbformat_minor":4}""",
            "old");
        Assert.Equal(["cell-2", "cell-1"], old.Cells.Select(cell => cell.Id));
        Assert.Contains("\"nbformat_minor\": 5", old.ToString());
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("not json", "is not valid JSON")]
    [InlineData("[1]", "not valid JSON")]
    [InlineData("{}", "is not a notebook of format 4")]
    [InlineData("""{"nbformat":3,"cells":[]}""", "is a notebook of format 3")]
    [InlineData("""{"nbformat":4,"cells":[1]}""", "is not a notebook of format 4")]
    public void WhatIsNoNotebookIsRefused(string text, string reason)
    {
        var refused = Assert.Throws<UserException>(() => NotebookDocument.Parse(text, "x.ipynb"));
        Assert.Contains(reason, refused.Message);
        Assert.StartsWith("x.ipynb", refused.Message);
    }

    [Fact]
    public void AMissingFileIsNamed() =>
        Assert.Equal(
            $"There is no notebook {Folder}/none.ipynb: check the path.",
            Assert.Throws<UserException>(() => NotebookDocument.Load(Path.Combine(Folder, "none.ipynb"))).Message);

    [Fact]
    public async Task AReaderSeesTheOldFileOrTheNewOneAndNothingBetween()
    {
        var path = Path.Combine(Folder, "b.ipynb");
        var texts = new[] { new string('a', 300_000), new string('b', 200_000) };
        AtomicFile.WriteText(path, texts[0]);
        var writing = Task.Run(() =>
        {
            for (var i = 0; i < 200; i++)
                AtomicFile.WriteText(path, texts[i % 2]);
        });
        while (!writing.IsCompleted)
            Assert.Contains(File.ReadAllText(path), texts);
        await writing;
    }
}
