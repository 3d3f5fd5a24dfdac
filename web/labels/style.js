// How the annotator looks: the host's own colours, so that it follows every theme of it.

export const STYLE = `
.kl-root {
    --line: var(--border-color, #4e4e4e);
    --ground: var(--comfy-input-bg, #222);
    --ink: var(--input-text, #ddd);
    --quiet: var(--descrip-text, #999);
    --accent: var(--p-primary-color, #60a5fa);
    display: flex; flex-direction: column; gap: 6px; box-sizing: border-box; width: 100%; height: 100%;
    min-height: 300px; min-width: 0; overflow: hidden; color: var(--ink);
    font: 12px/1.35 system-ui, sans-serif; user-select: none;
}
.kl-root [hidden] { display: none !important; }
.kl-root button, .kl-root select, .kl-names-input {
    height: 26px; box-sizing: border-box; margin: 0; padding: 0 8px; font: inherit; color: var(--ink);
    background: var(--ground); border: 1px solid transparent; border-radius: 6px; outline: none;
}
.kl-root button, .kl-root select { cursor: pointer; }
.kl-root button:hover:not(:disabled), .kl-root select:hover { border-color: var(--line); }
.kl-root button:disabled { opacity: 0.4; cursor: default; }
.kl-root :is(button, select, .kl-names-input):focus-visible { border-color: var(--accent); }
.kl-root select option { color: #ddd; background: #222; }
.kl-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; flex: none; }
.kl-bar button { display: flex; align-items: center; justify-content: center; min-width: 28px; }
.kl-bar select { width: 76px; }
.kl-bar svg { width: 14px; height: 14px; fill: none; stroke: currentColor; stroke-width: 1.6; }
.kl-bar svg path { stroke-linecap: round; stroke-linejoin: round; }
.kl-root button[aria-pressed="true"] { border-color: var(--accent); }
.kl-gap { flex: 1; }
.kl-page { min-width: 48px; text-align: center; font-variant-numeric: tabular-nums; }
.kl-main { display: flex; gap: 6px; flex: 1; min-height: 0; }
.kl-side { display: flex; flex-direction: column; gap: 4px; width: 136px; flex: none; min-height: 0; }
.kl-names { flex: 1; min-height: 0; overflow-y: auto; scrollbar-width: thin; }
.kl-name {
    display: flex; align-items: center; gap: 7px; height: 22px; padding: 0 7px; box-sizing: border-box;
    border: 1px solid transparent; border-radius: 6px; cursor: pointer; color: var(--quiet);
}
.kl-name:hover { background: var(--ground); }
.kl-name i {
    width: 9px; height: 9px; flex: none; box-sizing: border-box; border-radius: 50%; border: 2px solid var(--colour);
    opacity: 0.8;
}
.kl-name span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.kl-name.kl-placed { color: var(--ink); }
.kl-name.kl-placed i { background: var(--colour); opacity: 1; }
.kl-name.kl-is-hidden i { background: none; }
.kl-name.kl-is-hidden span { font-style: italic; }
.kl-name.kl-is-selected { background: var(--ground); }
.kl-name[aria-selected="true"] { border-color: var(--accent); color: var(--ink); background: var(--ground); }
.kl-stage {
    position: relative; flex: 1; min-width: 0; min-height: 0; overflow: hidden; border-radius: 8px;
    background: color-mix(in srgb, var(--ground) 60%, black); border: 1px solid transparent;
}
.kl-stage:focus-within { border-color: var(--accent); }
.kl-stage > canvas, .kl-keys { position: absolute; inset: 0; width: 100%; height: 100%; }
.kl-keys { margin: 0; padding: 0; border: 0; outline: none; opacity: 0; touch-action: none; }
.kl-empty {
    position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center; justify-content: center;
    gap: 10px; padding: 16px; text-align: center; color: #bbb; pointer-events: none;
}
.kl-empty p { margin: 0; max-width: 34em; }
.kl-empty button { pointer-events: auto; }
.kl-help {
    position: absolute; inset: 0; display: none; grid-template-columns: max-content 1fr; gap: 5px 12px; padding: 14px;
    align-content: center; justify-content: center; color: #ddd; background: rgb(16 16 18 / 0.9); overflow: auto;
    pointer-events: none;
}
.kl-help kbd { font: 600 11px/1.5 system-ui, sans-serif; text-align: right; color: #fff; }
.kl-shows-help .kl-help { display: grid; }
.kl-strip { display: flex; gap: 3px; flex: none; }
.kl-root .kl-strip button {
    flex: 1; min-width: 2px; height: 10px; padding: 0; overflow: hidden; border-radius: 4px;
    background: color-mix(in srgb, var(--quiet) 30%, transparent);
}
.kl-strip i { display: block; height: 100%; background: var(--accent); opacity: 0.75; }
.kl-root .kl-strip button.kl-is-current { border-color: var(--ink); }
.kl-foot { display: flex; align-items: center; gap: 8px; min-height: 18px; flex: none; }
.kl-status { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.kl-status.kl-problem { color: var(--error-text, #ff6b6b); }
.kl-count { color: var(--quiet); font-variant-numeric: tabular-nums; }
`;
