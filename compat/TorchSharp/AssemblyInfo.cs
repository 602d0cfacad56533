using System.Runtime.CompilerServices;

// Operator calls reserve a buffer on the stack for the elements of lists; clearing it would cost more than most calls.
[module: SkipLocalsInit]
