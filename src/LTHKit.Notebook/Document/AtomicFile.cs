using System.Text;

namespace LTHKit.Notebook.Document;

/// <summary>Files that are there whole or not at all.</summary>
internal static class AtomicFile
{
    /// <exception cref="UserException">The folder cannot be written to, or the disk is full.</exception>
    public static void Write(string path, string text) =>
        Write(path, temporary => File.WriteAllText(temporary, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)));

    /// <exception cref="UserException">The folder cannot be written to, or the disk is full.</exception>
    public static void Write(string path, Action<string> write)
    {
        path = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Guid.NewGuid():n}.tmp");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            try
            {
                write(temporary);
                File.Move(temporary, path, overwrite: true);
            }
            finally
            {
                File.Delete(temporary);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path} cannot be written ({e.Message}): give another folder with --out, or make room.", e);
        }
    }
}
