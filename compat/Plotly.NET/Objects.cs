using Dynamic = DynamicObj.DynamicObj;

namespace Plotly.NET
{
    /// <summary>One data set and how it is drawn; `type` is plotly.js's name of the chart type.</summary>
    public class Trace(string traceTypeName) : Dynamic
    {
        public string type { get; set; } = traceTypeName;
    }

    /// <summary>A trace on two cartesian axes.</summary>
    public class Trace2D(string traceTypeName) : Trace(traceTypeName);

    /// <summary>A trace in a three-dimensional scene.</summary>
    public class Trace3D(string traceTypeName) : Trace(traceTypeName);

    /// <summary>Everything of a chart that is not data: axes, title, legend, size.</summary>
    public class Layout : Dynamic;

    /// <summary>How plotly.js renders: tool bar, responsiveness, image export.</summary>
    public class Config : Dynamic;

    /// <summary>
    /// What F# code calls; here so that `Chart` is as ambiguous beside Plotly.NET.CSharp.Chart as it is with the real packages.
    /// </summary>
    public class Chart
    {
        private protected Chart()
        {
        }
    }

    public class Title : Dynamic;

    public class Font : Dynamic;

    public class Line : Dynamic;

    public class ColorBar : Dynamic;
}

namespace Plotly.NET.LayoutObjects
{
    public class LinearAxis : Dynamic;

    public class Scene : Dynamic;

    public class Annotation : Dynamic;

    public class Shape : Dynamic;

    public class Domain : Dynamic;

    public class RangeSlider : Dynamic;

    public class RangeSelector : Dynamic;

    public class LayoutGrid : Dynamic;
}

namespace Plotly.NET.TraceObjects
{
    public class Marker : Dynamic;

    public class Pattern : Dynamic;

    public class Contours : Dynamic;

    public class Error : Dynamic;
}
