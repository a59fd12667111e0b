/// The page's script, in parts. It inserts text from outside only as text nodes and attributes.
enum PageScript {
    static let base = #"""
        'use strict';
        const find = id => document.getElementById(id);
        const signs = { ready: '✓', failing: '✕', withoutFlyte: '⊗', expiring: '!', unknown: '?', stale: '↻', disabled: '–',
          absent: '' };
        const words = { ready: 'Ready', failing: 'failing', withoutFlyte: 'would run no workflow', expiring: 'ends soon',
          unknown: 'not known',
          stale: 'of an older generation', disabled: 'disabled', absent: 'not wanted here' };
        const count = (number, one, many) => `${number} ${number === 1 ? one : many || one + 's'}`;

        function fill(node, properties, children) {
          for (const [key, value] of Object.entries(properties || {})) {
            if (value === undefined || value === null || value === false) continue;
            if (typeof value === 'function') node.addEventListener(key, value);
            else node.setAttribute(key, value === true ? '' : String(value));
          }
          for (const child of children.flat(2)) {
            if (child !== null && child !== undefined && child !== '') node.append(child);
          }
          return node;
        }
        const make = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
        const draw = (tag, properties, ...children) =>
          fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
        const sign = tone => make('span', { class: 'sign', 'data-tone': tone, 'aria-hidden': 'true' }, signs[tone]);
        const tone = standing => Object.hasOwn(signs, standing) ? standing : 'unknown';

        // One unit, rounded down, as kubectl shows an age.
        function length(seconds) {
          const units = [[86400, 'd', 172800], [3600, 'h', 7200], [60, 'm', 120], [1, 's', 0]];
          const [size, unit] = units.find(([, , least]) => seconds >= least) || units[3];
          return `${Math.floor(Math.max(0, seconds) / size)}${unit}`;
        }
        function relative(time) {
          const rest = (Date.parse(time) - Date.now()) / 1000;
          if (Number.isNaN(rest)) return '';
          return rest >= 0 ? `in ${length(rest)}` : `${length(-rest)} ago`;
        }
        const when = time => time
          ? make('time', { datetime: time, title: new Date(time).toLocaleString() }, relative(time)) : '';
        setInterval(() => {
          for (const node of document.querySelectorAll('time')) node.textContent = relative(node.getAttribute('datetime'));
        }, 15000);

        function table(heads, rows) {
          return make('div', { class: 'wide' }, make('table', {},
            make('thead', {}, make('tr', {}, heads.map(head => make('th', { scope: 'col' }, head)))),
            make('tbody', {}, rows.map(row => make('tr', {}, row.map(cell =>
              cell instanceof Node && cell.tagName === 'TD' ? cell : make('td', {}, cell)))))));
        }
        const short = (...children) => make('td', { class: 'short' }, ...children);

        function open(title, ...children) {
          find('detail-title').textContent = title;
          find('detail-body').replaceChildren(...children.flat().filter(child => child));
          if (!find('detail').open) find('detail').showModal();
        }
        find('detail-close').addEventListener('click', () => find('detail').close());
        find('detail').addEventListener('click', event => { if (event.target === find('detail')) find('detail').close(); });
        const names = list => make('ul', { class: 'names' }, list.map(name => make('li', {}, name)));

        // A part is made again when its content changes; the element with the focus gets it back.
        const shown = new Map();
        function part(id, value, build) {
          const text = JSON.stringify(value);
          if (shown.get(id) === text) return;
          shown.set(id, text);
          const node = find(id);
          const key = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
          const scroll = [...node.querySelectorAll('.tiles, .grid')].map(one => [one.scrollTop, one.scrollLeft]);
          node.replaceChildren(...[build(value)].flat().filter(child => child));
          [...node.querySelectorAll('.tiles, .grid')].forEach((one, index) => {
            if (scroll[index]) [one.scrollTop, one.scrollLeft] = scroll[index];
          });
          if (key) [...node.querySelectorAll('[data-key]')].find(one => one.dataset.key === key)?.focus();
        }
        """#
}
