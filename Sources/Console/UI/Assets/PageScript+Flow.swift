extension PageScript {
    static let flow = #"""
        function flow(picture) {
          if (picture.sources.length + picture.labels.length === 0) {
            return make('p', { class: 'none' }, 'No project-domain is wanted and there is no execution label yet.');
          }
          const percent = share => share >= 0.9995 ? '100 %' : share > 0 && share < 0.001 ? '< 0.1 %'
            : `${Math.round(share * 1000) / 10} %`;
          const columns = [
            { nodes: picture.sources, left: 0, width: 32 }, { nodes: picture.labels, left: 42, width: 19 },
            { nodes: picture.clusters, left: 72, width: 28 }];
          const least = 40, gap = 8;
          const into = index => picture.targets.filter(link => link.to === index);
          const out = index => picture.targets.filter(link => link.from === index).length;
          const uses = index => picture.uses.filter(link => link.to === index).length;
          const heights = [
            picture.sources.map(() => least),
            picture.labels.map((_, index) => Math.max(least, Math.min(160, 7 * Math.max(out(index), uses(index))))),
            picture.clusters.map((_, index) => Math.max(least, 15 * into(index).length + 6))];
          const sums = heights.map(list => list.reduce((sum, height) => sum + height + gap, -gap));
          const height = Math.max(...sums, least);
          // Each column fills the whole height, so that lines run as level as they can.
          const tops = heights.map((list, column) => {
            const space = list.length > 1 ? Math.min(48, gap + (height - sums[column]) / (list.length - 1)) : gap;
            const used = sums[column] + (space - gap) * (list.length - 1);
            let top = (height - used) / 2;
            return list.map(one => { const here = top; top += one + space; return here; });
          });
          const box = make('div', { class: 'flow' });
          box.style.height = `${height}px`;
          const canvas = draw('svg', { viewBox: `0 0 1000 ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
          const texts = [];
          const name = node => node.count === 1 ? node.names[0]
            : `${node.names[0]} and ${node.count - 1} more`;
          const kinds = ['from', 'label', 'cluster'];
          const buttons = columns.map((column, side) => column.nodes.map((node, index) => {
            const state = node.trouble ? 'failing' : side === 0 ? 'absent' : 'ready';
            const button = make('button', { type: 'button', class: 'node', 'data-tone': state,
              'data-key': `${side}/${node.names[0]}`, title: `${name(node)}${node.trouble ? `: ${node.trouble}` : ''}`,
              'aria-label': `${kinds[side]} ${name(node)}${node.trouble ? `, ${node.trouble}` : ''}${lines(side, index)}`,
              click: () => open(`${node.count > 1 ? `${node.count}: ` : ''}${name(node)}`,
                node.trouble ? make('p', { class: 'note' }, node.trouble) : '', names(node.names),
                node.count > node.names.length ? make('p', {}, `and ${node.count - node.names.length} more`) : '') },
              make('span', {}, node.trouble ? sign('failing') : '', node.trouble ? ' ' : '', name(node)),
              node.trouble || node.detail ? make('small', {}, node.trouble || node.detail) : '');
            button.style.left = `${column.left}%`;
            button.style.width = `${column.width}%`;
            button.style.top = `${tops[side][index]}px`;
            button.style.height = `${heights[side][index]}px`;
            const follow = () => {
              box.classList.add('follows');
              const ways = paths.filter(way => way.touches(side, index));
              for (const way of ways) {
                way.path.classList.add('on');
                if (way.text) way.text.classList.add('on');
                buttons[way.side][way.link.from].classList.add('on');
                buttons[way.side + 1][way.link.to].classList.add('on');
              }
              button.classList.add('on');
            };
            const leave = () => {
              box.classList.remove('follows');
              for (const one of box.querySelectorAll('.on')) one.classList.remove('on');
            };
            fill(button, { mouseenter: follow, mouseleave: leave, focus: follow, blur: leave }, []);
            return button;
          }));

          function lines(side, index) {
            const own = side === 0 ? picture.uses.filter(link => link.from === index)
              .map(link => `label ${name(picture.labels[link.to])}`)
              : side === 1 ? picture.targets.filter(link => link.from === index)
                .map(link => `${name(picture.clusters[link.to])} ${link.stopped || percent(link.share)}`)
              : into(index).map(link => `${name(picture.labels[link.from])} ${link.stopped || percent(link.share)}`);
            return own.length ? `: ${own.slice(0, 8).join(', ')}` : '';
          }

          // A label leads on what leads to it: its sources and its clusters are followed together.
          const paths = [];
          const slots = new Map();
          function slot(key, total, top, height) {
            const used = slots.get(key) || 0;
            slots.set(key, used + 1);
            return top + height * (used + 0.5) / Math.max(1, total);
          }
          const totals = (links, side) => {
            const number = new Map();
            for (const link of links) number.set(link[side], (number.get(link[side]) || 0) + 1);
            return number;
          };
          for (const [side, links] of [[0, picture.uses], [1, picture.targets]]) {
            const [outs, ins] = [totals(links, 'from'), totals(links, 'to')];
            for (const link of [...links].sort((one, other) => one.from - other.from || one.to - other.to)) {
              const x1 = (columns[side].left + columns[side].width) * 10, x2 = columns[side + 1].left * 10;
              const y1 = slot(`${side}>${link.from}`, outs.get(link.from), tops[side][link.from], heights[side][link.from]);
              const y2 = slot(`${side}<${link.to}`, ins.get(link.to), tops[side + 1][link.to], heights[side + 1][link.to]);
              const bend = (x2 - x1) / 2;
              const path = draw('path', { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
                class: link.stopped ? 'stopped' : null, 'vector-effect': 'non-scaling-stroke',
                'stroke-width': link.stopped ? 1.5 : Math.max(1.5, Math.min(1, link.share) * 14) });
              canvas.append(path);
              const text = side === 1 ? draw('text', { x: `${x2 / 10 - 0.6}%`, y: y2 + 4, 'text-anchor': 'end' },
                link.stopped || percent(link.share)) : null;
              if (text) texts.push(text);
              paths.push({ side, link, path, text, touches: (column, index) =>
                column === side ? link.from === index : column === side + 1 ? link.to === index
                  : side === 1 ? picture.uses.some(use => use.from === index && use.to === link.from)
                    : picture.targets.some(target => target.to === index && target.from === link.to) });
            }
          }
          const labels = draw('svg', { 'aria-hidden': 'true' }, texts);
          labels.style.pointerEvents = 'none';
          box.append(canvas, ...buttons.flat(), labels);
          const titles = ['Project-domains and workflows', 'Execution labels', 'Clusters'];
          const heads = make('div', { class: 'flow', 'aria-hidden': 'true' }, titles.map((title, side) => {
            const head = make('small', { class: 'head' }, title);
            head.style.left = `${columns[side].left}%`;
            return head;
          }));
          return [heads, box];
        }
        """#
}
