/** Where the page has no server behind it: how to get one. */
export function NoServer() {
  return (
    <section class="runs-panel" aria-labelledby="runs-none">
      <h2 id="runs-none">Run plans on a machine of yours</h2>
      <p>
        This page plans and simulates in your browser. To run a schedule for real and lay what was measured over the
        prediction, let Toroid serve the page on the machine that should run it:
      </p>
      <pre class="runs-command">toroid serve</pre>
      <p>
        Then open the URL that it prints, token included: every start has a new one. The tab “Runs here” then has the
        button that runs the plan shown under “Explore”. Without a server, <code>toroid run</code> writes a trace that
        can be dropped on this page.
      </p>
    </section>
  );
}
