// Compiled into every program of the kit: its assembly is initialised before the first torch call, whoever makes it.
internal static class Start
{
    [System.Runtime.CompilerServices.ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "libtorch cannot be told later")]
    internal static void Run() => System.Runtime.CompilerServices.RuntimeHelpers.RunModuleConstructor(typeof(LTHKit.UserException).Module.ModuleHandle);
}
