namespace LTHKit.Cli;

/// <summary>`data`: the real data sets.</summary>
internal static class DataVerb
{
    public static Command Create()
    {
        var set = new Argument<string>("SET") { Description = string.Join(", ", DataArchives.All.Select(a => a.Set)) };
        var folder = Settings.Folder("--data", "The folder that holds the data sets.", Path.Combine(Checkout.Root, "data"));
        var mirror = new Option<string>("--mirror") { Description = "A web folder with the same files.", HelpName = "URL" };
        var list = new Command("list", "Name the archives with their addresses, sizes and checksums.") { folder };
        list.SetAction(parsed =>
        {
            foreach (var archive in DataArchives.All)
            {
                var place = Path.Combine(parsed.GetValue(folder)!, archive.Folder);
                Console.WriteLine($"{archive.Set}  {archive.Bytes / 1e6:0.0} MB  {archive.Address}");
                Console.WriteLine($"    md5 {archive.Md5} ({archive.Md5Source}); {(Directory.Exists(place) ? $"here: {place}" : "not here")}");
            }
        });
        var get = new Command("get", "Download an archive (going on where it stopped), check it, unpack it.") { set, folder, mirror };
        get.SetAction(async (parsed, cancel) =>
        {
            Uri? from = null;
            if (parsed.GetValue(mirror) is { Length: > 0 } text && !Uri.TryCreate(text, UriKind.Absolute, out from))
                throw new UserException($"'{text}' is no web address; give one that begins with http:// or https://.");
            using var line = new ProgressLine();
            var place = await DataArchives.Get(DataArchives.Find(parsed.GetRequiredValue(set)), parsed.GetValue(folder)!, from, line.Show, cancel);
            line.Dispose();
            Console.WriteLine(place);
        });
        return new("data", "List and download the official archives of the data sets.") { list, get };
    }
}
