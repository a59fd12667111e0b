extension PageScript {
    static let matrix = #"""
        const cell = 22;
        // Where the keyboard is, by names, since rows move when a data plane gets worse.
        const cursor = { row: '', column: '' };
        let paintMatrix = () => {};

        function stateOf(matrix, row, column) {
          const [line, head] = [matrix.rows[row], matrix.columns[column]];
          if (line.rest.state === 'disabled') return line.rest;
          if (head.reach !== undefined && !matrix.sets[head.reach].has(row)) {
            return { state: 'absent', text: 'no label of it reaches this data plane' };
          }
          const failing = line.failing.find(([index]) => index === column);
          if (failing) return { state: 'failing', text: failing[1] };
          if (!head.seen) return { state: 'unknown', text: 'Pending: the operator has not looked at it as it is now' };
          return head.inSync && line.restInSync ? line.restInSync : line.rest;
        }

        function matrix(all) {
          all.sets = all.reaches.map(rows => new Set(rows));
          if (all.rows.length === 0 || all.columns.length === 0) {
            return make('p', { class: 'none' }, all.rows.length === 0 ? 'There are no data planes yet.'
              : 'No namespace is wanted yet: a FlyteProject or an ExecutionClusterLabel wants one.');
          }
          const wanted = find('filter').value.trim().toLowerCase();
          const strict = find('attention').checked;
          const planes = new Map(model.dataPlanes.map(plane => [plane.name, plane]));
          let rows = all.rows.map((_, index) => index);
          let columns = all.columns.map((_, index) => index);
          if (wanted) {
            const some = rows.filter(row => {
              const plane = planes.get(all.rows[row].dataPlane);
              return plane && text(plane).includes(wanted);
            });
            const named = columns.filter(column => all.columns[column].namespace.toLowerCase().includes(wanted));
            if (some.length) rows = some;
            if (named.length) columns = named;
            if (!some.length && !named.length) return make('p', { class: 'none' }, 'Nothing fits the filter.');
          }
          if (strict) {
            rows = rows.filter(row => !['ready', 'disabled'].includes(all.rows[row].rest.state)
              || all.rows[row].failing.length);
            if (!rows.length) return make('p', { class: 'none' }, 'Everything is in sync.');
          }
          const height = 150, side = 200;
          const lines = make('div', { class: 'lines' });
          const heads = make('div', { class: 'columns' });
          const cells = make('div', { class: 'cells' });
          const grid = make('div', { class: 'grid', role: 'grid', 'aria-label': 'Namespaces in data planes',
            'aria-rowcount': rows.length, 'aria-colcount': columns.length },
            make('div', { class: 'corner' }, `${count(rows.length, 'data plane')} × ${count(columns.length, 'namespace')}`),
            heads, lines, cells);
          grid.style.gridTemplateColumns = `${side}px ${columns.length * cell + 4}px`;
          grid.style.gridTemplateRows = `${height}px ${rows.length * cell + 2}px`;

          // Only what can be seen is in the document: 500 data planes with 200 namespaces are 100,000 cells.
          function paint(focuses) {
            const current = [Math.max(0, rows.findIndex(row => all.rows[row].dataPlane === cursor.row)),
              Math.max(0, columns.findIndex(column => all.columns[column].namespace === cursor.column))];
            const range = (scroll, room, total) => {
              const first = Math.max(0, Math.floor(scroll / cell) - 3);
              return [first, Math.min(total, first + Math.ceil(room / cell) + 7)];
            };
            const [top, bottom] = range(grid.scrollTop, (grid.clientHeight || 560) - height, rows.length);
            const [left, right] = range(grid.scrollLeft, (grid.clientWidth || 1400) - side, columns.length);
            // What Tab leads to: the cell of the cursor, or the first one that can be seen.
            const isSeen = current[0] >= top && current[0] < bottom && current[1] >= left && current[1] < right;
            const reached = isSeen ? current : [top, left];
            lines.replaceChildren();
            heads.replaceChildren();
            const parts = [];
            for (let column = left; column < right; column++) {
              const head = make('span', { title: all.columns[columns[column]].namespace },
                all.columns[columns[column]].namespace);
              head.style.left = `${column * cell + 2}px`;
              heads.append(head);
            }
            for (let row = top; row < bottom; row++) {
              const line = all.rows[rows[row]];
              const plane = planes.get(line.dataPlane);
              const state = plane ? tone(plane.standing) : 'unknown';
              const title = make('span', { title: `${line.dataPlane}: ${words[state]}` }, sign(state), ' ', line.dataPlane);
              title.style.top = `${row * cell + 2}px`;
              lines.append(title);
              for (let column = left; column < right; column++) {
                const found = stateOf(all, rows[row], columns[column]);
                const where = `${all.columns[columns[column]].namespace} in ${line.dataPlane}`;
                const told = `${where}: ${found.text}`;
                const isHere = row === reached[0] && column === reached[1];
                const button = make('button', { type: 'button', role: 'gridcell', tabindex: isHere ? '0' : '-1',
                  'data-tone': found.state, 'aria-label': told, 'aria-rowindex': row + 1, 'aria-colindex': column + 1,
                  mouseenter: () => find('cell').textContent = told, click: () => { put(row, column); detail(line.dataPlane); },
                  focus: () => { find('cell').textContent = told; } }, found.state === 'ready' ? '·' : signs[found.state]);
                button.style.top = `${row * cell + 2}px`;
                button.style.left = `${column * cell + 2}px`;
                parts.push(button);
              }
            }
            const had = cells.contains(document.activeElement);
            cells.replaceChildren(...parts);
            if (had || focuses) cells.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
          }
          function put(row, column) {
            [cursor.row, cursor.column] = [all.rows[rows[row]].dataPlane, all.columns[columns[column]].namespace];
          }
          grid.addEventListener('keydown', event => {
            let row = Math.max(0, rows.findIndex(one => all.rows[one].dataPlane === cursor.row));
            let column = Math.max(0, columns.findIndex(one => all.columns[one].namespace === cursor.column));
            const page = Math.max(1, Math.floor((grid.clientHeight - height) / cell) - 1);
            const [lastRow, lastColumn] = [rows.length - 1, columns.length - 1];
            switch (event.key) {
              case 'ArrowDown': row += 1; break;
              case 'ArrowUp': row -= 1; break;
              case 'ArrowRight': column += 1; break;
              case 'ArrowLeft': column -= 1; break;
              case 'PageDown': row += page; break;
              case 'PageUp': row -= page; break;
              case 'Home': column = 0; if (event.ctrlKey) row = 0; break;
              case 'End': column = lastColumn; if (event.ctrlKey) row = lastRow; break;
              default: return;
            }
            event.preventDefault();
            [row, column] = [Math.min(lastRow, Math.max(0, row)), Math.min(lastColumn, Math.max(0, column))];
            put(row, column);
            const see = (position, scroll, room) => position < scroll ? position
              : position + cell > scroll + room ? position + cell - room : scroll;
            grid.scrollTop = see(row * cell, grid.scrollTop, grid.clientHeight - height - 8);
            grid.scrollLeft = see(column * cell, grid.scrollLeft, grid.clientWidth - side - 8);
            paint(true);
          });
          let waits = false;
          grid.addEventListener('scroll', () => {
            if (waits) return;
            waits = true;
            requestAnimationFrame(() => { waits = false; paint(false); });
          });
          paintMatrix = () => paint(false);
          paint(false);
          return grid;
        }
        addEventListener('resize', () => paintMatrix());

        function legend(matrix) {
          const used = ['ready', 'failing', 'unknown'];
          if (matrix.rows.some(row => row.rest.state === 'disabled')) used.push('disabled');
          if (matrix.reaches.length) used.push('absent');
          const text = { ready: 'in sync', failing: 'fails', unknown: 'not known', disabled: 'data plane is disabled',
            absent: 'not wanted there' };
          const mark = { ready: '·', absent: '▫' };
          return used.map(state => make('li', {}, make('span', { class: 'sign', 'data-tone': state, 'aria-hidden': 'true' },
            mark[state] || signs[state]), ` ${text[state]}`));
        }

        function failures(planes) {
          const all = planes.flatMap(plane => plane.failures.map(one => ({ ...one, plane: plane.name })));
          if (!all.length) return '';
          const total = planes.reduce((sum, plane) => sum + plane.failuresTotal, 0);
          return [make('h3', {}, `What fails: ${total}${all.length < total ? `, of which statuses name ${all.length}` : ''}`),
            table(['DATA PLANE', 'NAMESPACE', 'OBJECT', 'REASON', 'SINCE', 'MESSAGE'], all.slice(0, 100).map(one =>
              [one.plane, one.namespace, one.object, one.reason, short(when(one.since)), one.message])),
            all.length > 100 ? make('p', { class: 'hint' }, `and ${all.length - 100} more`) : ''];
        }
        """#
}
