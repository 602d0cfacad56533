namespace Microsoft.DotNet.Interactive.Commands;

/// <summary>What a kernel is asked to do. Two commands are the same when their tokens are.</summary>
public abstract class KernelCommand : IEquatable<KernelCommand>
{
    private string _token;

    protected KernelCommand(string targetKernelName = null) => TargetKernelName = targetKernelName;

    public string TargetKernelName { get; internal set; }

    public string GetOrCreateToken() => _token ??= Convert.ToBase64String(Guid.NewGuid().ToByteArray());

    public bool Equals(KernelCommand other) =>
        ReferenceEquals(this, other) || (_token is not null && _token == other?._token);
}

public class SubmitCode : KernelCommand
{
    public SubmitCode(string code, string targetKernelName = null)
        : base(targetKernelName) => Code = code ?? throw new ArgumentNullException(nameof(code));

    public string Code { get; internal set; }
}
