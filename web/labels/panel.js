// The annotator's face: its buttons, menus, lists and texts, and how they show what an Editor is at.

import { STYLE } from "./style.js";

const MOST_SEGMENTS = 60; // pictures in the strip; above, the number alone must do
const CUSTOM = "custom";

const HELP = [
    ["Click", "place the next point"],
    ["Shift+Click", "place it even on another point"],
    ["Alt+Click", "place it as hidden"],
    ["Drag", "move a point"],
    ["Right click, Delete", "remove a point"],
    ["H", "hidden or visible"],
    ["Tab, Shift+Tab", "next, previous name"],
    ["← →, Page keys", "previous, next picture"],
    ["C", "copy a neighbour's points"],
    ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
    ["Wheel", "zoom, after a click into the picture"],
    ["Space or middle + drag", "pan"],
    ["0", "whole picture"],
    ["Esc", "leave the keys to the graph again"],
];

/** An element with properties, attributes by name, and children. */
export function make(tag, properties = {}, ...children) {
    const { attributes = {}, ...rest } = properties;
    const made = Object.assign(document.createElement(tag), rest);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
}

/** A line drawing on a ground of 16 x 16. */
function icon(path) {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("viewBox", "0 0 16 16");
    drawing.innerHTML = `<path d="${path}"/>`;
    return drawing;
}

/** "1 point", "2 points". */
export function plural(count, thing) {
    return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

export class Panel {
    /** editor: does what a person asks for here. onShow(): a person asks for the pictures. */
    constructor(editor, onShow) {
        this.editor = editor;
        this.#build(onShow);
    }

    /** Give the keys to the picture. */
    focus() {
        this.keys.focus({ preventScroll: true });
    }

    // -- building

    #build(onShow) {
        const { editor } = this;
        if (!document.getElementById("keypoint-labels-style"))
            document.head.append(make("style", { id: "keypoint-labels-style", textContent: STYLE }));
        const button = (face, title, act, name) => make("button", {
            type: "button", title, attributes: { "aria-label": title, "data-act": name },
            // The press keeps the focus in the picture, so that the keys go on working.
            onmousedown: (event) => event.preventDefault(),
            onclick: () => { act(); this.focus(); },
        }, face);
        this.previousButton = button(icon("M10 3L5 8l5 5"), "Previous picture (←)", () => editor.turn(-1), "previous");
        this.nextButton = button(icon("M6 3l5 5-5 5"), "Next picture (→)", () => editor.turn(1), "next");
        this.pageText = make("span", { className: "kl-page" });
        this.undoButton = button(icon("M5 6h6a3 3 0 0 1 0 7H7M5 6l3-3M5 6l3 3"), "Undo (Ctrl+Z)", () => editor.undo(), "undo");
        this.redoButton = button(icon("M11 6H5a3 3 0 0 0 0 7h4M11 6L8 3M11 6L8 9"), "Redo (Ctrl+Shift+Z)", () => editor.redo(), "redo");
        this.hideButton = button("Hidden", "Mark the point as hidden or visible (H)", () => editor.toggleHidden(), "hidden");
        this.copyButton = button("Copy points", "Copy the points of the previous picture, or of the next on the first (C)",
            () => editor.copyNeighbour(), "copy");
        this.fitButton = button(icon("M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3"), "Show the whole picture (0)", () => editor.fit(), "fit");
        this.helpButton = button("?", "Mouse and keys", () => this.root.classList.toggle("kl-shows-help"), "help");
        this.files = make("input", { type: "file", multiple: true, accept: ".json,application/json", hidden: true });
        this.files.addEventListener("change", () => {
            const chosen = [...this.files.files];
            this.files.value = ""; // so that the same file can be chosen again
            editor.importFiles(chosen);
        });
        this.fileMenu = this.#buildFileMenu();
        this.skeletonMenu = this.#buildSkeletonMenu();
        this.namesInput = make("input", {
            type: "text", className: "kl-names-input", placeholder: "names, with commas; then Enter",
            attributes: { "aria-label": "Names to label, with commas" },
        });
        this.namesInput.addEventListener("change", () => editor.takeNames(this.namesInput.value));
        this.nameList = make("div", { className: "kl-names", attributes: { role: "listbox", "aria-label": "Points" } });
        this.canvas = make("canvas");
        // Over the canvas lies a text field that holds nothing: the host leaves keys, middle button and wheel to a
        // text field that has the focus, and only then, in both of its renderers.
        this.keys = make("input", {
            type: "text", readOnly: true, className: "kl-keys",
            attributes: { "aria-label": "Picture to label", "data-capture-wheel": "true", autocomplete: "off" },
        });
        this.showButton = button("Show the pictures", "Runs the graph up to this node", onShow, "show");
        this.emptyText = make("p");
        this.empty = make("div", { className: "kl-empty" }, this.emptyText, this.showButton);
        const help = make("div", { className: "kl-help" },
            ...HELP.flatMap(([keys, what]) => [make("kbd", { textContent: keys }), make("span", { textContent: what })]));
        this.strip = make("div", { className: "kl-strip" });
        this.status = make("div", { className: "kl-status", attributes: { "aria-live": "polite" } });
        this.cleanButton = button("Remove these labels", "Can be undone", () => editor.clean(), "clean");
        this.count = make("span", { className: "kl-count" });
        const gap = () => make("span", { className: "kl-gap" });
        this.root = make("div", { className: "kl-root", title: "" },
            make("div", { className: "kl-bar" }, this.previousButton, this.pageText, this.nextButton, gap(),
                this.undoButton, this.redoButton, this.hideButton, this.copyButton, gap(), this.fileMenu,
                this.fitButton, this.helpButton),
            make("div", { className: "kl-main" },
                make("div", { className: "kl-side" }, this.skeletonMenu, this.namesInput, this.nameList),
                make("div", { className: "kl-stage" }, this.canvas, this.keys, this.empty, help)),
            this.strip,
            make("div", { className: "kl-foot" }, this.status, this.cleanButton, this.count),
            this.files);
    }

    #buildFileMenu() {
        const acts = {
            import: ["Import COCO or OpenPose…", () => this.files.click()],
            coco: ["Export as COCO", () => this.editor.exportFile("coco")],
            openpose: ["Export as OpenPose", () => this.editor.exportFile("openpose")],
            clear: ["Remove all labels", () => this.editor.clear()],
        };
        const menu = make("select", { title: "Import and export", attributes: { "aria-label": "Import and export" } },
            make("option", { value: "", textContent: "Files…", hidden: true }),
            ...Object.entries(acts).map(([value, [textContent]]) => make("option", { value, textContent })));
        menu.addEventListener("change", () => {
            const [, act] = acts[menu.value];
            menu.value = "";
            act();
        });
        return menu;
    }

    #buildSkeletonMenu() {
        const menu = make("select", { title: "What to label", attributes: { "aria-label": "Skeleton" } },
            ...this.editor.labels.skeletons.map(({ title }) => make("option", { value: title, textContent: title })),
            make("option", { value: CUSTOM, textContent: "Own names" }));
        menu.addEventListener("change", () => this.editor.chooseSkeleton(menu.value));
        return menu;
    }

    // -- showing

    /** Bring everything but the canvas up to date. */
    refresh() {
        const { editor } = this;
        const { labels, page, pageCount: total } = editor;
        const beyond = editor.urls.length > 0 && page >= editor.urls.length;
        this.pageText.textContent = total ? `${page + 1} / ${total}` : "–";
        this.previousButton.disabled = page === 0;
        this.nextButton.disabled = page >= total - 1;
        this.undoButton.disabled = labels.undos.length === 0;
        this.redoButton.disabled = labels.redos.length === 0;
        this.copyButton.disabled = total < 2;
        const point = editor.points.get(editor.selected);
        this.hideButton.disabled = !point;
        this.hideButton.setAttribute("aria-pressed", String(point?.visible === false));
        const known = labels.skeleton();
        const typed = editor.namesAreTyped || !known;
        this.skeletonMenu.value = typed ? CUSTOM : known.title;
        this.namesInput.hidden = !typed;
        if (document.activeElement !== this.namesInput) this.namesInput.value = labels.names.join(", ");
        this.#showNames();
        this.#showStrip(total);
        this.#showEmpty(beyond);
        this.#showStatus(beyond);
    }

    #showNames() {
        const { editor } = this;
        const rows = editor.labels.names.map((name) => {
            const point = editor.points.get(name);
            const row = make("div", {
                className: "kl-name", title: name,
                attributes: { role: "option", "aria-selected": name === editor.current, "data-name": name },
                onmousedown: (event) => event.preventDefault(),
                onclick: () => { editor.choose(name); this.focus(); },
                onpointerenter: () => editor.hover(name),
                onpointerleave: () => editor.hover(null),
            }, make("i", { style: `--colour: ${editor.labels.colour(name)}` }), make("span", { textContent: name }));
            row.classList.toggle("kl-placed", Boolean(point));
            row.classList.toggle("kl-is-hidden", point?.visible === false);
            row.classList.toggle("kl-is-selected", name === editor.selected);
            return row;
        });
        const scrolled = this.nameList.scrollTop;
        this.nameList.replaceChildren(...rows);
        this.nameList.scrollTop = scrolled;
        const row = rows[editor.labels.names.indexOf(editor.current)];
        if (!row) return;
        // Not scrollIntoView, which would scroll the whole page with the graph.
        const top = row.offsetTop - this.nameList.offsetTop;
        const lowest = top + row.offsetHeight - this.nameList.clientHeight;
        this.nameList.scrollTop = Math.min(top, Math.max(lowest, this.nameList.scrollTop));
    }

    #showStrip(total) {
        this.strip.hidden = total < 2 || total > MOST_SEGMENTS;
        if (this.strip.hidden) return;
        const { editor } = this;
        const { labels } = editor;
        this.strip.replaceChildren(...Array.from({ length: total }, (_, i) => {
            const full = labels.count(i) / labels.names.length;
            const segment = make("button", {
                type: "button", title: `Picture ${i + 1}: ${labels.count(i)} of ${labels.names.length} points`,
                onmousedown: (event) => event.preventDefault(),
                onclick: () => { editor.goTo(i); this.focus(); },
            }, make("i", { style: `width: ${100 * full}%` }));
            segment.classList.toggle("kl-is-current", i === editor.page);
            return segment;
        }));
    }

    #showEmpty(beyond) {
        const { editor } = this;
        const image = editor.images.get(editor.urls[editor.page]);
        this.empty.hidden = Boolean(editor.stage.image);
        this.showButton.hidden = beyond || (image && !image.complete);
        const kept = editor.labels.reach() > 0 ? " Your labels are kept." : "";
        this.emptyText.textContent = beyond ? `Picture ${editor.page + 1} has labels, but it is not in the batch any more.`
            : !image ? `Run once to see the pictures.${kept}`
            : !image.complete ? "Loading the picture…"
            : `This picture is not on the server any more. Run once to see it again.${kept}`;
    }

    #showStatus(beyond) {
        const { editor } = this;
        const { labels, current, page } = editor;
        const problem = labels.broken || (beyond ? `The batch has ${plural(editor.urls.length, "picture")}.` : editor.problem);
        // Having no labels yet is where everybody starts.
        this.status.classList.toggle("kl-problem", Boolean(problem) && (labels.broken || labels.reach() > 0));
        this.cleanButton.hidden = !labels.broken && !(editor.urls.length && labels.reach() > editor.urls.length);
        const placed = labels.count(page);
        this.count.textContent = `${placed} / ${labels.names.length}`;
        this.status.textContent = problem || editor.said || (!editor.stage.image ? ""
            : current ? (editor.points.has(current) ? `Click to move ${current}.` : `Click: ${current}`)
            : page < editor.pageCount - 1 ? "All points of this picture are placed. → next picture"
            : "All points of this picture are placed.");
    }
}
