// Draws the figures of the page; everything it needs is in the page.
for (const script of document.querySelectorAll('.figure > script[type="application/json"]')) {
  const [place, figure] = [script.parentElement, JSON.parse(script.textContent)];
  const wanted = figure.layout?.width ?? 900;
  const fit = () => ({ ...figure.layout, autosize: false, width: Math.min(wanted, place.parentElement.clientWidth) });
  window.Plotly.newPlot(place, figure.data, fit(), { displaylogo: false, ...figure.config, responsive: false });
  let drawn = fit().width;
  window.addEventListener('resize', () => {
    const { width } = fit();
    if (width !== drawn) window.Plotly.relayout(place, { width: drawn = width });
  });
}
