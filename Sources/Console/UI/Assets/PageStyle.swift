/// The page's style. Whatever a colour says, a sign or a word says as well.
enum PageStyle {
    static let text = #"""
        :root {
          --back: #f4f5f7; --card: #fff; --line: #d8dce2; --text: #1a1f27; --soft: #58616e; --link: #1d5fbf;
          --ready: #17784a; --ready-back: #e6f4ec; --failing: #b3202a; --failing-back: #fdeaea;
          --expiring: #8a5a00; --expiring-back: #fdf3dc; --unknown: #5a4fb0; --unknown-back: #eeecfa;
          --disabled: #5f6875; --disabled-back: #eceef1;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --back: #0f1216; --card: #181c22; --line: #303741; --text: #e7eaee; --soft: #a2abb7; --link: #82b4ff;
            --ready: #58c88e; --ready-back: #15291f; --failing: #ff8a85; --failing-back: #351a1c;
            --expiring: #e9b44c; --expiring-back: #30260f; --unknown: #b3a9ff; --unknown-back: #241f3d;
            --disabled: #9aa3af; --disabled-back: #232830;
          }
        }
        * { box-sizing: border-box; }
        html { scroll-padding-top: 4rem; }
        body { margin: 0; background: var(--back); color: var(--text);
          font: 0.9375rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        h1 { font-size: 1.125rem; margin: 0; letter-spacing: 0.01em; }
        h2 { font-size: 1.0625rem; margin: 0 0 0.5rem; }
        h3 { font-size: 0.9375rem; margin: 1rem 0 0.375rem; }
        p { margin: 0.25rem 0; }
        a { color: var(--link); }
        kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 0.3em; font-size: 0.8em; }
        button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 6px;
          padding: 0.2rem 0.6rem; cursor: pointer; text-align: left; }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: 0.5rem; background: var(--card); padding: 0.5rem; z-index: 9; }
        header { position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem;
          align-items: baseline; padding: 0.625rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line); }
        nav { display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; flex: 1; }
        nav a { text-decoration: none; }
        nav a:hover { text-decoration: underline; }
        .live { margin: 0; color: var(--soft); }
        .live::before { content: "●"; margin-right: 0.4em; color: var(--ready); }
        .live[data-state=wait]::before { content: "○"; color: var(--soft); }
        .live[data-state=lost] { color: var(--failing); }
        .live[data-state=lost]::before { content: "✕"; color: var(--failing); }
        main { max-width: 92rem; margin: 0 auto; padding: 1rem 1.5rem; display: grid; gap: 1rem;
          grid-template-columns: minmax(0, 1fr); }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem; }
        footer { max-width: 92rem; margin: 0 auto; padding: 0 1.5rem 2rem; color: var(--soft); font-size: 0.8125rem; }
        .title { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; justify-content: space-between; align-items: baseline; }
        .tools { display: flex; flex-wrap: wrap; gap: 0.25rem 0.625rem; align-items: baseline; }
        .check { white-space: nowrap; }
        input[type=search] { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
          border-radius: 6px; padding: 0.2rem 0.5rem; width: 15rem; }
        .hint { color: var(--soft); font-size: 0.8125rem; max-width: 70rem; }
        .none { color: var(--soft); }
        .note { border: 1px solid var(--expiring); background: var(--expiring-back); border-radius: 8px;
          padding: 0.5rem 0.875rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
        .note::before { content: "! "; font-weight: 700; color: var(--expiring); }

        #summary { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: 0.75rem;
          background: none; border: 0; padding: 0; }
        .figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.625rem 1rem; }
        .figure b { display: block; font-size: 1.5rem; line-height: 1.25; font-weight: 600; overflow-wrap: anywhere;
          font-variant-numeric: tabular-nums; }
        .figure b small { font-size: 1rem; font-weight: 400; color: var(--soft); }
        .figure.words b { font-size: 1.125rem; line-height: 1.667; }
        .figure span { color: var(--soft); font-size: 0.8125rem; }
        .figure .sign { color: inherit; font-size: 1.125rem; }

        [data-tone=ready] { --tone: var(--ready); --tone-back: var(--ready-back); }
        [data-tone=failing], [data-tone=withoutFlyte] { --tone: var(--failing); --tone-back: var(--failing-back); }
        [data-tone=expiring] { --tone: var(--expiring); --tone-back: var(--expiring-back); }
        [data-tone=unknown], [data-tone=stale] { --tone: var(--unknown); --tone-back: var(--unknown-back); }
        [data-tone=disabled], [data-tone=absent] { --tone: var(--disabled); --tone-back: var(--disabled-back); }
        .sign { color: var(--tone); font-weight: 700; display: inline-block; min-width: 1em; text-align: center; }
        .badge { color: var(--tone); background: var(--tone-back); border-radius: 99px; padding: 0.05rem 0.6rem;
          font-size: 0.8125rem; font-weight: 600; white-space: nowrap; }
        .badges { display: flex; gap: 0.25rem; flex: none; }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 0.75rem; }
        .card { border: 1px solid var(--line); border-left: 4px solid var(--tone); border-radius: 8px;
          padding: 0.625rem 0.875rem; display: flex; flex-direction: column; gap: 0.375rem; min-width: 0; }
        .card .title { align-items: center; flex-wrap: nowrap; gap: 0.5rem; }
        .card .name { border: 0; padding: 0; font-weight: 600; min-width: 0; overflow: hidden; text-overflow: ellipsis;
          white-space: nowrap; }
        .card .name:hover { text-decoration: underline; }
        .card p { margin: 0; color: var(--soft); font-size: 0.8125rem; overflow-wrap: anywhere; }
        .card p.message { color: var(--text); display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical;
          overflow: hidden; }
        .conditions { display: flex; flex-wrap: wrap; gap: 0.125rem 0.75rem; margin: 0; padding: 0; list-style: none;
          font-size: 0.8125rem; }
        .bar { height: 6px; border-radius: 3px; background: var(--disabled-back); overflow: hidden; }
        .bar i { display: block; height: 100%; background: var(--tone); }
        .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.25rem;
          max-height: 24rem; overflow: auto; padding: 3px; }
        .tile { border: 0; background: var(--tone-back); border-radius: 4px; padding: 0.125rem 0.5rem;
          font-size: 0.8125rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .tile:hover { filter: brightness(0.96); text-decoration: underline; }
        .changed { animation: changed 1.6s ease-out; }
        @keyframes changed { from { box-shadow: 0 0 0 4px var(--tone); } to { box-shadow: 0 0 0 4px transparent; } }
        @media (prefers-reduced-motion: reduce) { .changed { animation: none; } }

        #flow-picture { position: relative; overflow-x: auto; padding: 3px; margin: -3px; }
        .flow { position: relative; min-width: 46rem; }
        .flow svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
        .flow path { fill: none; stroke: var(--link); stroke-opacity: 0.32; }
        .flow path.stopped { stroke: var(--failing); stroke-dasharray: 5 5; stroke-opacity: 0.7; }
        .flow text { fill: var(--text); font-size: 12px; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
        .node { position: absolute; overflow: hidden; background: var(--card); border-left: 4px solid var(--tone);
          display: flex; flex-direction: column; justify-content: center; padding: 0 0.625rem; line-height: 1.3; }
        .node > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .node small { color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .flow.follows .node:not(.on), .flow.follows text:not(.on) { opacity: 0.3; }
        .flow.follows path:not(.on) { stroke-opacity: 0.06; }
        .flow.follows path.on { stroke-opacity: 0.75; }
        .flow .head { position: absolute; color: var(--soft); font-size: 0.8125rem; }
        .flow[aria-hidden] { height: 1.75rem; }

        .legend { display: flex; flex-wrap: wrap; gap: 0.125rem 1.25rem; list-style: none; margin: 0 0 0.5rem; padding: 0;
          font-size: 0.8125rem; color: var(--soft); }
        .grid { display: grid; max-height: 34rem; overflow: auto; border: 1px solid var(--line); border-radius: 8px;
          position: relative; justify-content: start; align-content: start; }
        .grid > div { background: var(--card); }
        .corner { position: sticky; top: 0; left: 0; z-index: 3; border-right: 1px solid var(--line);
          border-bottom: 1px solid var(--line); display: flex; align-items: end; padding: 0.375rem 0.625rem;
          color: var(--soft); font-size: 0.75rem; }
        .columns { position: sticky; top: 0; z-index: 2; border-bottom: 1px solid var(--line); }
        .columns > span { position: absolute; bottom: 0.25rem; width: 22px; height: 8.5rem; writing-mode: vertical-rl;
          transform: rotate(180deg); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.75rem;
          line-height: 22px; }
        .lines { position: sticky; left: 0; z-index: 1; border-right: 1px solid var(--line); }
        .lines > span { position: absolute; left: 0; right: 0; height: 22px; line-height: 22px; padding: 0 0.5rem;
          overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.8125rem; }
        .cells { position: relative; }
        .cells button { position: absolute; width: 20px; height: 20px; border: 0; padding: 0; border-radius: 3px;
          text-align: center; font-size: 0.75rem; line-height: 20px; color: var(--tone); background: var(--tone-back);
          font-weight: 700; }
        .cells button[data-tone=failing] { background: var(--failing); color: var(--card); }
        .cells button[data-tone=absent] { background: none; }
        .cells button:focus { outline: 2px solid var(--link); outline-offset: 1px; z-index: 1; }

        table { border-collapse: collapse; width: 100%; font-size: 0.8125rem; }
        .wide { overflow-x: auto; }
        th { text-align: left; color: var(--soft); font-weight: 500; }
        th, td { padding: 0.25rem 0.75rem 0.25rem 0; vertical-align: top; border-bottom: 1px solid var(--line);
          overflow-wrap: break-word; }
        td:last-child { overflow-wrap: anywhere; }
        tr:last-child td { border-bottom: 0; }
        td.short, th.short { white-space: nowrap; overflow-wrap: normal; }
        td .bar { height: 10px; margin-top: 0.3rem; min-width: 8rem; }
        .more { border: 0; padding: 0; color: var(--link); text-decoration: underline; }
        .chips { display: flex; flex-wrap: wrap; gap: 0.25rem; margin: 0.25rem 0 0.75rem; }
        .chips .tile { background: var(--tone-back); }
        .rollout { height: 10px; margin: 0.375rem 0 0.75rem; max-width: 40rem; }
        dialog { border: 1px solid var(--line); border-radius: 10px; background: var(--card); color: var(--text);
          width: min(56rem, 94vw); max-height: 86vh; padding: 1rem 1.25rem; }
        dialog::backdrop { background: rgb(0 0 0 / 0.45); }
        .names { columns: 16rem; margin: 0; padding-left: 1.1rem; }
        @media (max-width: 40rem) { main, header { padding-left: 0.75rem; padding-right: 0.75rem; } }
        """#
}
