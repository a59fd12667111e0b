extension PageScript {
    static let rest = #"""
        function ends(planes) {
          const day = 86400000;
          const buckets = [['already ended', 0], ['within a day', day], ['within 7 days', 7 * day],
            ['within 14 days', 14 * day], ['within 30 days', 30 * day], ['within 90 days', 90 * day], ['later', Infinity]]
            .map(([title, until]) => ({ title, until, all: [] }));
          const renewed = { title: 'renewed by the operator', all: [] };
          for (const plane of planes) {
            for (const end of plane.ends) {
              const rest = Date.parse(end.time) - Date.now();
              const bucket = end.renewed ? renewed : buckets.find(one => rest <= one.until) || buckets[6];
              bucket.all.push({ name: plane.name, ...end });
            }
          }
          const list = [...buckets, renewed].filter(bucket => bucket.all.length);
          const unknown = planes.filter(plane => !plane.ends.length).length;
          if (!list.length) {
            return make('p', { class: 'none' }, planes.length ? 'No token or certificate says when it ends.'
              : 'There are no data planes yet.');
          }
          const most = Math.max(...list.map(bucket => bucket.all.length));
          const what = one => `${one.what === 'ca' ? 'CA' : one.what} of ${one.name}`;
          return [make('div', { class: 'wide' }, make('table', {},
            make('thead', {}, make('tr', {}, ['ENDS', 'HOW MANY', '', 'WHICH'].map(head => make('th', { scope: 'col' }, head)))),
            make('tbody', {}, list.map(bucket => {
              bucket.all.sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
              const near = bucket.all.some(one => one.near);
              const state = bucket === renewed ? 'ready' : bucket === buckets[0] ? 'failing' : near ? 'expiring' : 'ready';
              return make('tr', { 'data-tone': state }, short(sign(state), ' ', bucket.title),
                short(String(bucket.all.length)), make('td', {}, make('div', { class: 'bar' }, bar(bucket.all.length / most))),
                make('td', {}, bucket.all.slice(0, 3).map((one, index) =>
                  [index ? ', ' : '', what(one), ' ', when(one.time)]),
                  bucket.all.length > 3 ? [' ', make('button', { type: 'button', class: 'more', 'data-key': bucket.title,
                    click: () => open(`Ends ${bucket.title}`, table(['WHAT', 'WHEN'], bucket.all.slice(0, 1000).map(one =>
                      [what(one), short(when(one.time))]))) }, `and ${bucket.all.length - 3} more`)] : ''));
            })))),
            unknown ? make('p', { class: 'hint' }, `${count(unknown, 'data plane')} without a time: the token or CA does not `
              + 'say when it ends, or was not read yet') : ''];
        }

        function rollout(state) {
          if (!state.progressive) {
            return make('p', { class: 'none' },
              'A change of templates or values goes to all data planes at once (spec.rollout.type: All).');
          }
          if (!state.phase) return make('p', { class: 'none' }, 'The operator has not said yet how far it is.');
          const look = { updated: ['ready', '✓', 'has it'], current: ['expiring', '▶', 'its turn'],
            waiting: ['disabled', '○', 'waits'], left: ['disabled', '–', 'takes no part'] };
          const phase = state.phase === 'Complete' ? 'ready' : state.phase === 'Paused' ? 'failing' : 'stale';
          const groups = state.groups.map((group, index) => {
            const counts = Object.keys(look).map(key => [key, group.filter(one => one.state === key).length]);
            const first = group.filter(one => one.state === 'current');
            const shown = [...first, ...group.filter(one => one.state !== 'current')].slice(0, 48);
            return [make('h3', {}, `Group ${index + 1}: `, counts.filter(([, number]) => number).map(([key, number]) =>
              `${look[key][1]} ${number} ${look[key][2]}`).join(', ')),
              make('div', { class: 'chips' }, shown.map(one => make('button', { type: 'button', class: 'tile',
                'data-tone': look[one.state][0], 'data-key': `rollout/${one.name}`, click: () => detail(one.name),
                title: `${one.name}: ${look[one.state][2]}${one.revision === null ? '' : `, revision ${one.revision}`}` },
                make('span', { class: 'sign', 'aria-hidden': 'true' }, look[one.state][1]), ' ', one.name,
                make('span', { class: 'skip' }, `: ${look[one.state][2]}`))),
                group.length > shown.length ? make('span', { class: 'none' }, `and ${group.length - shown.length} more`) : '')];
          });
          return [make('p', {}, make('span', { class: 'badge', 'data-tone': phase }, `${signs[phase]} ${state.phase}`
            + (state.reason ? ` (${state.reason})` : '')), ` Revision ${state.revision} is in ${state.updated} of `
            + `${state.total} data planes.`, state.pinned ? ` All are held at revision ${state.pinned}.` : ''),
            state.message ? make('p', { class: 'note' }, state.message) : '',
            make('div', { class: 'bar rollout', 'data-tone': phase }, bar(state.total ? state.updated / state.total : 1)),
            ...groups.flat()];
        }

        function events(list) {
          if (!list.length) return make('p', { class: 'none' }, 'There are none, or you may not read Events.');
          return table(['WHEN', 'REASON', 'ABOUT', 'NOTE'], list.slice(0, 30).map(event =>
            [short(when(event.time)), short(sign(event.warning ? 'expiring' : 'ready'), ' ', event.reason), event.about,
              event.note + (event.count > 1 ? ` (${event.count} times)` : '')]));
        }
        """#
    static let live = #"""
        function render() {
          if (!model) return;
          const wanted = [find('filter').value, find('attention').checked];
          part('notes', [model.registry, model.operator, model.groups, model.notes], () => notes(model));
          part('summary', [model.ready, model.namespaces, model.groups, model.rollout, model.dataPlanes.map(one => one.ends)],
            () => summary(model));
          part('planes', [model.dataPlanes, wanted], ([all]) => planes(all));
          part('flow-picture', model.flow, flow);
          part('legend', [model.matrix.reaches.length, model.matrix.rows.map(row => row.rest.state)],
            () => legend(model.matrix));
          part('matrix', [model.matrix, model.dataPlanes.map(plane => plane.standing), wanted], ([all]) => matrix(all));
          paintMatrix();
          part('failures', model.dataPlanes.map(plane => [plane.name, plane.failures]), () => failures(model.dataPlanes));
          part('ends-list', model.dataPlanes.map(plane => [plane.name, plane.ends]), () => ends(model.dataPlanes));
          part('rollout-state', model.rollout, rollout);
          part('events-list', model.events, events);
          for (const plane of model.dataPlanes) before.set(plane.name, plane.standing);
          document.title = `${model.ready}/${model.dataPlanes.length} Ready · Squadron`;
        }

        function say(state, text) {
          const live = find('live');
          if (live.dataset.state === state && live.textContent === text) return;
          live.dataset.state = state;
          live.textContent = text;
        }

        let loading = false, again = false;
        async function load() {
          if (loading) { again = true; return; }
          loading = true;
          try {
            const answer = await fetch('model', { cache: 'no-store' });
            if (answer.ok) {
              model = await answer.json();
              render();
              say('live', `live: ${model.ready} of ${count(model.dataPlanes.length, 'data plane')} Ready`);
            }
          } catch (error) {
            lost();
          }
          loading = false;
          if (again) { again = false; load(); }
        }
        const lost = () => say('lost', `squadron ui does not answer: as of ${new Date().toLocaleTimeString()}`);

        // A hidden page closes its connection: a browser has few of them for one address.
        let stream = null;
        function follow() {
          if (stream) stream.close();
          stream = document.hidden ? null : new EventSource('changes');
          if (!stream) return;
          stream.onmessage = load;
          stream.onerror = lost;
        }
        document.addEventListener('visibilitychange', follow);
        find('filter').addEventListener('input', render);
        find('attention').addEventListener('change', render);
        document.addEventListener('keydown', event => {
          const typing = ['INPUT', 'TEXTAREA'].includes(event.target.tagName) || find('detail').open;
          if (event.key === '/' && !typing) { event.preventDefault(); find('filter').focus(); }
        });
        follow();
        """#
}
