using System.Net;
using System.Text.RegularExpressions;

namespace LTHKit.Notebook.Html;

/// <summary>Formulas in the TeX of Markdown cells as MathML, which browsers draw by themselves.</summary>
internal sealed partial class MathMl
{
    private static readonly Dictionary<string, string> Letters = Table(
        "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ "
        + "upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω partial ∂ nabla ∇ infty ∞ ell ℓ");

    private static readonly Dictionary<string, string> Operators = Table(
        "odot ⊙ cdot ⋅ times × otimes ⊗ oplus ⊕ circ ∘ pm ± mp ∓ ast ∗ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ ll ≪ gg ≫ approx ≈ sim ∼ equiv ≡ propto ∝ in ∈ notin ∉ "
        + "subset ⊂ subseteq ⊆ cup ∪ cap ∩ setminus ∖ forall ∀ exists ∃ mid ∣ parallel ∥ perp ⊥ to → rightarrow → leftarrow ← mapsto ↦ Rightarrow ⇒ Leftarrow ⇐ iff ⇔ "
        + "ldots … dots … cdots ⋯ lvert | rvert | vert | lVert ‖ rVert ‖ Vert ‖ | ‖ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ { { } } % % top ⊤ neg ¬ land ∧ lor ∨ "
        + "sum ∑ prod ∏ int ∫");

    private static readonly HashSet<string> Functions = ["ln", "log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "det", "dim", "arg", "argmax", "argmin", "max", "min", "lim", "sup", "inf", "Pr"];
    private static readonly Dictionary<string, string> Accents = Table("tilde ~ hat ^ bar ¯ overline ¯ vec → dot ˙ widehat ^ widetilde ~");

    private static readonly Dictionary<string, string> Spaces =
        new() { [","] = "0.17em", [":"] = "0.22em", [";"] = "0.28em", [" "] = "0.25em", ["!"] = "-0.17em", ["quad"] = "1em", ["qquad"] = "2em" };

    private readonly List<string> _tokens;
    private int _at;

    private MathMl(string tex) => _tokens = [.. Token().Matches(tex).Select(match => match.Value).Where(token => !string.IsNullOrWhiteSpace(token))];

    /// <summary>The formula; one with something in it that is not known here stays as it was written.</summary>
    public static string Of(string tex, bool display)
    {
        try
        {
            return $"<math{(display ? " display=\"block\"" : "")}>{new MathMl(tex.Trim()).Row(null)}</math>";
        }
        catch (FormatException)
        {
            return $"<code class=\"tex\">{WebUtility.HtmlEncode(tex)}</code>";
        }
    }

    private static Dictionary<string, string> Table(string words) => words.Split(' ').Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);

    private string? Next => _tokens.ElementAtOrDefault(_at);

    private string Take()
    {
        var token = Next ?? throw new FormatException();
        _at++;
        return token;
    }

    private string Row(string? end)
    {
        var row = new StringBuilder("<mrow>");
        while (Next is { } next && next != end)
            row.Append(Scripted());
        if (end is not null)
            Take();
        return row.Append("</mrow>").ToString();
    }

    // x, x_i, x^2, x_i^2
    private string Scripted()
    {
        var applied = Next is ['\\', .. var name] && Functions.Contains(name) ? "<mo>&#8289;</mo>" : "";
        var (body, below, above) = (Atom(), "", "");
        while (Next is "_" or "^" or "'")
        {
            var mark = Take();
            if ((mark == "_" ? below : above) != "")
                throw new FormatException();
            if (mark == "_")
                below = Argument();
            else
                above = mark == "^" ? Argument() : "<mo>′</mo>";
        }
        var tag = (below, above) switch { ("", "") => "", (_, "") => "msub", ("", _) => "msup", _ => "msubsup" };
        return (tag == "" ? body : $"<{tag}>{body}{below}{above}</{tag}>") + applied;
    }

    // Without braces a command takes one sign, of a number its first digit.
    private string Argument()
    {
        if (Next is [>= '0' and <= '9', _, ..] number)
        {
            _tokens[_at] = number[1..];
            _tokens.Insert(_at, number[..1]);
        }
        return Atom();
    }

    private string Atom()
    {
        var token = Take();
        if (token == "{")
            return Row("}");
        if (token is "}" or "_" or "^" or "&" or "$")
            throw new FormatException();
        if (token[0] != '\\')
            return char.IsDigit(token[0]) ? $"<mn>{token}</mn>" : char.IsLetter(token[0]) ? $"<mi>{token}</mi>" : Operator(token == "-" ? "−" : token);

        var name = token[1..];
        if (name.IndexOf('{') is > 0 and var brace)
        {
            var style = name[..brace].TrimEnd() is "textbf" or "mathbf" or "boldsymbol" ? " style=\"font-weight:bold\"" : "";
            return $"<mtext{style}>{WebUtility.HtmlEncode(name[(brace + 1)..^1]).Replace(' ', '\u00a0')}</mtext>";
        }
        return name switch
        {
            _ when Letters.TryGetValue(name, out var letter) => $"<mi{(char.IsUpper(letter[0]) || letter is "∇" or "∞" ? " mathvariant=\"normal\"" : "")}>{letter}</mi>",
            _ when Operators.TryGetValue(name, out var sign) => Operator(sign),
            _ when Functions.Contains(name) => $"<mi>{name}</mi>",
            _ when Accents.TryGetValue(name, out var accent) => $"<mover accent=\"true\">{Argument()}<mo>{accent}</mo></mover>",
            _ when Spaces.TryGetValue(name, out var width) => $"<mspace width=\"{width}\"/>",
            "frac" or "tfrac" or "dfrac" => $"<mfrac>{Argument()}{Argument()}</mfrac>",
            "sqrt" when Next != "[" => $"<msqrt>{Argument()}</msqrt>",
            "left" => $"<mrow>{Fence(Take())}{Row("\\right")}{Fence(Take())}</mrow>",
            _ => throw new FormatException(),
        };
    }

    // As tall as what stands between.
    private static string Fence(string token)
    {
        var sign = token[0] != '\\' ? token : Operators.GetValueOrDefault(token[1..]) ?? throw new FormatException();
        return sign == "." ? "" : $"<mo>{WebUtility.HtmlEncode(sign)}</mo>";
    }

    private static string Operator(string sign) => "|‖()[]".Contains(sign) ? $"<mo stretchy=\"false\">{sign}</mo>" : $"<mo>{WebUtility.HtmlEncode(sign)}</mo>";

    // \text{words as they stand} is one of them.
    [GeneratedRegex(@"\\(text|mathrm|operatorname|textrm|textbf|mathbf|boldsymbol)\s*\{(\\.|[^\\{}])*\}|\\[A-Za-z]+|\\.|\d+(\.\d+)?|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Token();
}
