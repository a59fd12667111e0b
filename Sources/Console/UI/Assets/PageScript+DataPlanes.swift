extension PageScript {
    static let dataPlanes = #"""
        let model = null;
        const before = new Map();
        const cardsLimit = 24;

        function summary(model) {
          const figure = (value, of, what, state) => make('div', { class: 'figure' + (of === null ? ' words' : '') },
            make('b', { 'data-tone': state }, state ? [sign(state), ' '] : '', String(value),
              of === null ? '' : make('small', {}, ` of ${of}`)), make('span', {}, what));
          const state = (value, of) => of === 0 ? '' : value === of ? 'ready' : 'failing';
          const parts = [figure(model.ready, model.dataPlanes.length, 'data planes Ready',
            state(model.ready, model.dataPlanes.length))];
          const spaces = model.namespaces;
          parts.push(figure(spaces.synced, spaces.desired, 'namespaces in sync', state(spaces.synced, spaces.desired)));
          // What is as it should be takes one box together.
          const [good, bad] = [[], []];
          for (const group of model.groups) if (group.total) (group.ready === group.total ? good : bad).push(group);
          for (const group of bad) {
            parts.push(figure(group.ready, group.total, `${group.title} Ready`, 'failing'));
          }
          if (good.length) {
            const sum = good.reduce((sum, group) => sum + group.total, 0);
            const titles = good.map(group => `${group.total} ${group.title}`).join(', ');
            parts.push(figure(sum, sum, `Ready: ${titles}`, 'ready'));
          }
          const ends = model.dataPlanes.flatMap(plane =>
            plane.ends.filter(end => !end.renewed).map(end => ({ ...end, name: plane.name })));
          const next = ends.sort((left, right) => Date.parse(left.time) - Date.parse(right.time))[0];
          if (next) {
            const box = figure('', null, `${next.what} of ${next.name} ends next`, next.near ? 'expiring' : 'ready');
            box.querySelector('b').append(when(next.time));
            parts.push(box);
          }
          if (model.rollout.progressive && model.rollout.phase) {
            const phase = model.rollout.phase;
            parts.push(figure(`${phase}`, null, `rollout of revision ${model.rollout.revision}`,
              phase === 'Complete' ? 'ready' : phase === 'Paused' ? 'failing' : 'stale'));
          }
          return parts;
        }

        function notes(model) {
          const texts = [];
          if (model.operator && model.operator.away) {
            texts.push('No operator is at work: what follows is as it was when there was one.');
          }
          const registry = model.registry;
          if (model.mode === 'Observe') texts.push('Mode Observe: nothing is written but statuses.');
          if (registry && registry.ready !== 'True') {
            texts.push(`ClusterRegistry: ${registry.reason}: ${registry.message}`);
            for (const trouble of registry.troubles) {
              if (trouble.reason !== registry.reason) texts.push(`${trouble.type}: ${trouble.reason}: ${trouble.message}`);
            }
          }
          for (const group of model.groups) {
            if (group.title === 'data planes') continue;
            for (const one of group.notReady.slice(0, 3)) {
              texts.push(`${group.title}: ${one.name}: ${one.reason}: ${one.message}`);
            }
            if (group.notReady.length > 3) texts.push(`${group.title}: ${group.total - group.ready} in all are not Ready`);
          }
          return [...texts, ...model.notes].slice(0, 12).map(text => make('p', { class: 'note' }, text));
        }

        const text = plane => `${plane.name} ${plane.cluster} ${plane.reason} ${words[tone(plane.standing)]}`.toLowerCase();
        const attention = plane => !['ready', 'disabled'].includes(plane.standing);
        function chosen(planes) {
          const wanted = find('filter').value.trim().toLowerCase();
          const strict = find('attention').checked;
          return planes.filter(plane => (!strict || attention(plane)) && (!wanted || text(plane).includes(wanted)));
        }

        // A condition that is False where that is what somebody wants, or says how far it is, is not a failure.
        function conditionTone(condition, plane) {
          if (!plane.enabled && condition.status !== 'True') return 'disabled';
          if (['Reconciling', 'Stalled'].includes(condition.type)) return condition.type === 'Stalled' ? 'failing' : 'stale';
          return condition.status === 'True' ? 'ready' : condition.status === 'False' ? 'failing' : 'unknown';
        }
        const ofInterest = plane => plane.conditions.filter(condition => condition.type !== 'Ready');

        function card(plane) {
          const state = tone(plane.standing);
          const label = plane.standing === 'disabled' ? 'Disabled' : plane.standing === 'expiring' ? 'ends soon'
            : plane.reason;
          const spaces = plane.namespaces;
          const remarks = [plane.version, plane.mode === 'Observe' ? 'observed only' : '',
            plane.stale ? 'not looked at as it is now' : '', plane.cordoned && plane.running !== undefined
              ? count(plane.running, 'execution') + ' still run' : ''].filter(one => one);
          const next = plane.ends.find(end => !end.renewed) || plane.ends[0];
          const isKnown = plane.enabled && !plane.conditions.some(one => one.type === 'Synced' && one.status === 'Unknown');
          return make('article', { class: 'card' + changed(plane), 'data-tone': state },
            make('div', { class: 'title' },
              make('button', { type: 'button', class: 'name', 'data-key': plane.name, click: () => detail(plane.name) },
                plane.name),
              make('span', { class: 'badges' },
                plane.cordoned ? make('span', { class: 'badge', 'data-tone': 'disabled' }, '⊘ cordoned') : '',
                make('span', { class: 'badge' }, `${signs[state]} ${label}`))),
            make('p', {}, plane.cluster === plane.name ? '' : `${plane.cluster} · `, remarks.join(' · ') || 'no version yet'),
            ['failing', 'unknown', 'stale', 'withoutFlyte'].includes(plane.standing) && plane.message
              ? make('p', { class: 'message' }, plane.message) : '',
            make('ul', { class: 'conditions' }, ofInterest(plane).map(condition => make('li', { title: condition.message },
              sign(conditionTone(condition, plane)), condition.type,
              make('span', { class: 'skip' }, ` ${condition.status}: ${condition.reason}`)))),
            spaces ? make('p', {}, `${spaces.synced} of ${spaces.desired} namespaces in sync`, isKnown ? '' : ' when last seen',
              plane.failuresTotal ? `, ${count(plane.failuresTotal, 'object')} failing` : '') : '',
            spaces ? make('div', { class: 'bar', 'data-tone': !isKnown ? 'disabled'
              : spaces.synced === spaces.desired ? 'ready' : state },
              bar(spaces.desired ? spaces.synced / spaces.desired : 1)) : '',
            next ? make('p', {}, next.near ? sign('expiring') : '', `${next.what === 'ca' ? 'CA' : next.what} ends `,
              when(next.time), next.renewed ? ', renewed by the operator' : '') : '');
        }
        function bar(share) {
          const inner = make('i');
          inner.style.width = `${Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10}%`;
          return inner;
        }
        const changed = plane => before.has(plane.name) && before.get(plane.name) !== plane.standing ? ' changed' : '';

        function tile(plane) {
          const state = tone(plane.standing);
          return make('button', { type: 'button', class: 'tile' + changed(plane), 'data-tone': state, 'data-key': plane.name,
            title: `${plane.name}: ${words[state]}`, click: () => detail(plane.name) }, sign(state), ' ', plane.name,
            plane.cordoned ? ' ⊘' : '',
            make('span', { class: 'skip' }, `: ${words[state]}${plane.cordoned ? ', cordoned' : ''}`));
        }

        function planes(all) {
          const list = chosen(all);
          if (list.length === 0) {
            const why = all.length ? 'No data plane fits the filter.' : 'There are no data planes yet. squadron join adds one.';
            return make('p', { class: 'none' }, why);
          }
          if (list.length <= cardsLimit) return make('div', { class: 'cards' }, list.map(card));
          const first = list.filter(attention).slice(0, 12);
          const rest = list.filter(plane => !first.includes(plane));
          const counts = Object.keys(signs).map(state => [state, list.filter(one => tone(one.standing) === state).length]);
          return [
            make('ul', { class: 'legend' }, counts.filter(([, number]) => number).map(([state, number]) =>
              make('li', {}, sign(state), ` ${number} ${words[state]}`))),
            first.length ? make('div', { class: 'cards' }, first.map(card)) : '',
            make('h3', {}, first.length ? count(rest.length, 'further data plane') : count(rest.length, 'data plane')),
            make('div', { class: 'tiles', tabindex: '0', role: 'group', 'aria-label': 'Further data planes' },
              rest.map(tile)),
          ];
        }

        function detail(name) {
          const plane = model.dataPlanes.find(one => one.name === name);
          if (!plane) return;
          const rows = [['Flyte cluster', plane.cluster], ['endpoint', plane.endpoint], ['Kubernetes', plane.version],
            ['mode', plane.mode]].filter(([, value]) => value);
          open(plane.name,
            make('p', {}, rows.map(([key, value]) => `${key} ${value}`).join(' · ')),
            plane.plan ? make('p', {}, 'It would: ' + Object.entries(plane.plan).map(([key, value]) => `${key} ${value}`)
              .join(', ')) : '',
            table(['CONDITION', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'], plane.conditions.map(condition =>
              [short(sign(conditionTone(condition, plane)), ' ', condition.type), condition.status, condition.reason,
                short(when(condition.since)), condition.message])),
            plane.failures.length ? make('h3', {}, `Failing objects: ${plane.failures.length} of ${plane.failuresTotal}`) : '',
            plane.failures.length ? table(['NAMESPACE', 'OBJECT', 'REASON', 'SINCE', 'MESSAGE'], plane.failures.map(one =>
              [one.namespace, one.object, one.reason, short(when(one.since)), one.message])) : '',
            plane.ends.length ? make('h3', {}, 'Ends') : '',
            plane.ends.length ? table(['WHAT', 'WHEN', ''], plane.ends.map(end =>
              [end.what === 'ca' ? 'CA certificate' : end.what, short(when(end.time)),
                end.renewed ? 'renewed by the operator' : end.near ? 'soon' : ''])) : '');
        }
        """#
}
