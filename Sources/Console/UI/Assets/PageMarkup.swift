/// The page's frame. The script fills it.
enum PageMarkup {
    static let body = #"""
        <a class="skip" href="#fleet">Skip to the data planes</a>
        <header>
          <h1>Squadron</h1>
          <nav aria-label="Parts of the page">
            <a href="#fleet">Data planes</a><a href="#flow">Placement</a><a href="#namespaces">Namespaces</a>
            <a href="#ends">Expiry</a><a href="#rollout">Rollout</a><a href="#events">Events</a>
          </nav>
          <p id="live" class="live" role="status" data-state="wait">connecting</p>
        </header>
        <main>
          <div id="notes" role="alert"></div>
          <section id="summary" aria-label="Summary"></section>
          <section id="fleet" aria-labelledby="fleet-title">
            <div class="title"><h2 id="fleet-title">Data planes</h2>
              <div class="tools">
                <label for="filter">Filter <kbd>/</kbd></label>
                <input id="filter" type="search" placeholder="name, cluster, reason" autocomplete="off" spellcheck="false">
                <label class="check"><input id="attention" type="checkbox"> only what needs attention</label>
              </div></div>
            <div id="planes"></div>
          </section>
          <section id="flow" aria-labelledby="flow-title">
            <h2 id="flow-title">Where executions go</h2>
            <p class="hint">From project-domains and workflows, by execution label, to clusters. A dashed line carries
              nothing now. Point at a box, or move to it with Tab, to follow its lines; Enter lists its names.</p>
            <div id="flow-picture"></div>
          </section>
          <section id="namespaces" aria-labelledby="namespaces-title">
            <h2 id="namespaces-title">Namespaces in data planes</h2>
            <ul id="legend" class="legend"></ul>
            <div id="matrix"></div>
            <p id="cell" class="hint"></p>
            <div id="failures"></div>
          </section>
          <section id="ends" aria-labelledby="ends-title">
            <h2 id="ends-title">What ends when</h2>
            <div id="ends-list"></div>
          </section>
          <section id="rollout" aria-labelledby="rollout-title">
            <h2 id="rollout-title">Staged rollout</h2>
            <div id="rollout-state"></div>
          </section>
          <section id="events" aria-labelledby="events-title">
            <h2 id="events-title">Last events of the operator</h2>
            <div id="events-list"></div>
          </section>
        </main>
        <footer>Read-only. It shows what your own rights let you read; it holds no Secret. Served on this machine alone.</footer>
        <dialog id="detail" aria-labelledby="detail-title">
          <div class="title"><h2 id="detail-title"></h2><button id="detail-close" type="button">Close</button></div>
          <div id="detail-body"></div>
        </dialog>
        """#
}
