// Colours of the arena, named once. The eight hues are Okabe and Ito's, told apart by most eyes; black became a pale
// grey and blue a lighter blue, because the floor is dark.

/** @type {readonly {base: string, light: string, dark: string, r: number, g: number, b: number}[]} */
export const HUES = Object.freeze(
  ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#3387c9', '#e2641e', '#cc79a7', '#e4e9f2'].map((base) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(base.slice(at, at + 2), 16));
    /** @param {number} to @param {number} part */
    const mix = (to, part) => `rgb(${[r, g, b].map((c) => Math.round(c + (to - c) * part)).join(' ')})`;
    return Object.freeze({ base, light: mix(255, 0.55), dark: mix(10, 0.68), r, g, b });
  }),
);

export const HUE_NAMES = Object.freeze(['Orange', 'Sky', 'Green', 'Yellow', 'Blue', 'Vermilion', 'Purple', 'Pale']);

export const COLOUR = Object.freeze({
  slate: '#0e1420',
  outside: 'rgba(6, 9, 16, 0.8)',
  grid: 'rgba(126, 160, 214, 0.1)',
  gridStrong: 'rgba(126, 160, 214, 0.18)',
  wall: '#5f86c4',
  rock: '#1a2438',
  rockEdge: '#0b1019',
  rim: 'rgba(140, 178, 236, 0.55)',
  rimLight: '#bcd6ff',
  shield: '#9adcff',
  gold: '#f0c94a',
  repair: '#3ddc97',
  text: '#e7edf7',
  dim: 'rgba(190, 206, 232, 0.75)',
  bad: '#ff6b5e',
});
