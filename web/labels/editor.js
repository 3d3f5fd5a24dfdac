// The annotator: what a person sees and does. It knows labels and pictures, nothing of the host.

import { readPoseFiles, writeCoco, writeOpenPose } from "./files.js";
import { Labels, readNames } from "./labels.js";
import { Stage } from "./stage.js";
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
function make(tag, properties = {}, ...children) {
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

export class Editor {
    /** onChange(text): labels have changed. onShow(): a person asks for the pictures.
     *  onWheel(event): a wheel that the annotator does not want. */
    constructor({ skeletons, colours, onChange, onShow, onWheel }) {
        this.labels = new Labels(skeletons, colours);
        this.onChange = onChange;
        this.onWheel = onWheel;
        this.urls = [];
        this.images = new Map();
        this.page = 0;
        this.current = null; // the name that the next click places, null when all are placed
        this.selected = null; // the name of the point that keys act on
        this.hovered = null;
        this.held = null; // what a pressed button moves: {name, point} or {pan: [x, y]}
        this.pointer = null; // where the pointer is on the canvas, null when it is elsewhere
        this.spaceIsDown = false;
        this.problem = "";
        this.said = "";
        this.#build(onShow);
        this.stage = new Stage(this.canvas);
        new ResizeObserver(() => this.draw()).observe(this.canvas);
        this.#advance();
        this.refresh();
    }

    get text() {
        return this.labels.text;
    }

    set text(text) {
        if (text === this.labels.text) return;
        this.labels.read(text);
        this.selected = this.held = null;
        this.problem = this.said = "";
        this.#advance();
        this.refresh();
    }

    /** Show these pictures, one address each; with the problem that the node has found, if any. */
    show(urls, problem = "") {
        this.problem = problem;
        this.urls = urls;
        for (const url of this.images.keys()) if (!urls.includes(url)) this.images.delete(url);
        this.goTo(this.page); // there may be fewer now
        this.refresh();
    }

    get pageCount() {
        return Math.max(this.urls.length, this.labels.reach());
    }

    get points() {
        return this.labels.points(this.page);
    }

    // -- building

    #build(onShow) {
        if (!document.getElementById("keypoint-labels-style"))
            document.head.append(make("style", { id: "keypoint-labels-style", textContent: STYLE }));
        const button = (face, title, act, name) => make("button", {
            type: "button", title, attributes: { "aria-label": title, "data-act": name },
            // The press keeps the focus in the picture, so that the keys go on working.
            onmousedown: (event) => event.preventDefault(),
            onclick: () => { act(); this.keys.focus({ preventScroll: true }); },
        }, face);
        this.previousButton = button(icon("M10 3L5 8l5 5"), "Previous picture (←)", () => this.turn(-1), "previous");
        this.nextButton = button(icon("M6 3l5 5-5 5"), "Next picture (→)", () => this.turn(1), "next");
        this.pageText = make("span", { className: "kl-page" });
        this.undoButton = button(icon("M5 6h6a3 3 0 0 1 0 7H7M5 6l3-3M5 6l3 3"), "Undo (Ctrl+Z)", () => this.undo(), "undo");
        this.redoButton = button(icon("M11 6H5a3 3 0 0 0 0 7h4M11 6L8 3M11 6L8 9"), "Redo (Ctrl+Shift+Z)", () => this.redo(), "redo");
        this.hideButton = button("Hidden", "Mark the point as hidden or visible (H)", () => this.toggleHidden(), "hidden");
        this.copyButton = button("Copy points", "Copy the points of the previous picture, or of the next on the first (C)",
            () => this.copyNeighbour(), "copy");
        this.fitButton = button(icon("M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3"), "Show the whole picture (0)", () => { this.stage.fit(); this.draw(); }, "fit");
        this.helpButton = button("?", "Mouse and keys", () => this.root.classList.toggle("kl-shows-help"), "help");
        this.files = make("input", { type: "file", multiple: true, accept: ".json,application/json", hidden: true });
        this.files.addEventListener("change", () => this.importFiles());
        this.fileMenu = this.#buildFileMenu();
        this.skeletonMenu = this.#buildSkeletonMenu();
        this.namesInput = make("input", {
            type: "text", className: "kl-names-input", placeholder: "names, with commas; then Enter",
            attributes: { "aria-label": "Names to label, with commas" },
        });
        this.namesInput.addEventListener("change", () => this.takeNames());
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
        this.cleanButton = button("Remove these labels", "Can be undone", () => this.clean(), "clean");
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
        this.#listen();
    }

    #buildFileMenu() {
        const acts = {
            import: ["Import COCO or OpenPose…", () => this.files.click()],
            coco: ["Export as COCO", () => this.exportFile("coco")],
            openpose: ["Export as OpenPose", () => this.exportFile("openpose")],
            clear: ["Remove all labels", () => this.clear()],
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
            ...this.labels.skeletons.map(({ title }) => make("option", { value: title, textContent: title })),
            make("option", { value: CUSTOM, textContent: "Own names" }));
        menu.addEventListener("change", () => {
            const known = this.labels.skeletons.find(({ title }) => title === menu.value);
            this.namesAreTyped = !known;
            if (known) this.#rename(known.names, known.limbs.map((limb) => [...limb]));
            else {
                this.refresh();
                this.namesInput.focus({ preventScroll: true });
            }
        });
        return menu;
    }

    #listen() {
        // Nothing reaches the graph from in here, so that neither renderer selects, drags, pastes or deletes.
        for (const kind of ["pointerdown", "pointermove", "pointerup", "mousedown", "dblclick", "contextmenu", "keydown", "keyup"])
            this.root.addEventListener(kind, (event) => { if (!isForHost(event)) event.stopPropagation(); });
        this.root.addEventListener("contextmenu", (event) => event.preventDefault());
        this.root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
        const { keys } = this;
        keys.addEventListener("pointerdown", (event) => this.#press(event));
        keys.addEventListener("pointermove", (event) => this.#move(event));
        keys.addEventListener("pointerup", () => this.#release());
        keys.addEventListener("pointercancel", () => { this.held = null; this.draw(); });
        keys.addEventListener("pointerleave", () => { this.pointer = this.hovered = null; this.draw(); });
        keys.addEventListener("mousedown", (event) => event.preventDefault()); // the middle one would scroll
        keys.addEventListener("keydown", (event) => this.#key(event));
        keys.addEventListener("keyup", (event) => { if (event.key === " ") this.#space(false); });
        keys.addEventListener("blur", () => this.#space(false));
        keys.addEventListener("paste", (event) => event.preventDefault());
    }

    // -- the pointer

    #press(event) {
        this.keys.focus({ preventScroll: true });
        this.root.classList.remove("kl-shows-help");
        if (!this.stage.image) return;
        const at = this.stage.onCanvas(event);
        const name = event.shiftKey ? null : this.stage.nameAt(at, this.points);
        if (event.button === 1 || (event.button === 0 && this.spaceIsDown)) this.held = { pan: at };
        else if (event.button === 2 || event.ctrlKey) { // a Mac's right click is Ctrl+Click
            if (name) this.remove(name);
            return;
        } else if (event.button === 0 && name) {
            this.selected = name;
            this.held = { name, point: { ...this.points.get(name) }, from: at };
        } else if (event.button === 0) {
            const place = this.stage.toPicture(at);
            const inside = place.x >= 0 && place.x <= 1 && place.y >= 0 && place.y <= 1;
            this.selected = null;
            if (inside && this.current)
                this.held = { name: this.current, point: { ...place, visible: !event.altKey }, isPlaced: true };
            else if (inside) this.#say("All points are placed. Choose a name to place it anew, or drag a point.");
        }
        if (this.held) this.keys.setPointerCapture(event.pointerId);
        this.refresh();
    }

    #move(event) {
        const at = this.stage.onCanvas(event);
        this.pointer = at;
        if (this.held?.pan) {
            this.stage.pan(at[0] - this.held.pan[0], at[1] - this.held.pan[1]);
            this.held.pan = at;
        } else if (this.held) {
            // A press that trembles is not a drag.
            const still = this.held.from && Math.hypot(at[0] - this.held.from[0], at[1] - this.held.from[1]) < 2;
            if (!still) {
                const place = this.stage.toPicture(at);
                this.held.point.x = Math.min(1, Math.max(0, place.x));
                this.held.point.y = Math.min(1, Math.max(0, place.y));
                this.held.from = null;
            }
        } else this.hovered = this.stage.image ? this.stage.nameAt(at, this.points) : null;
        this.draw();
    }

    #release() {
        const { held } = this;
        this.held = null;
        if (held?.name) {
            this.#change(() => this.points.set(held.name, held.point));
            this.selected = held.name;
            if (held.isPlaced) this.#advance(held.name);
        }
        this.refresh();
    }

    #wheel(event) {
        const overList = this.nameList.contains(event.target) && this.nameList.scrollHeight > this.nameList.clientHeight;
        const wanted = event.target === this.keys && document.activeElement === this.keys && this.stage.image;
        if (!wanted && !overList) return this.onWheel(event);
        event.stopPropagation();
        if (overList) return;
        event.preventDefault();
        this.stage.zoom(this.stage.onCanvas(event), Math.exp(-Math.sign(event.deltaY) * Math.min(0.25, Math.abs(event.deltaY) / 400)));
        this.draw();
    }

    #space(isDown) {
        this.spaceIsDown = isDown;
        this.keys.classList.toggle("kl-pans", isDown);
        this.draw();
    }

    // -- the keys

    #key(event) {
        if (isForHost(event)) return;
        const control = event.ctrlKey || event.metaKey;
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const acts = control
            ? { z: () => (event.shiftKey ? this.redo() : this.undo()), y: () => this.redo() }
            : {
                Tab: () => this.step(event.shiftKey ? -1 : 1), ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1),
                ArrowRight: () => this.turn(1), PageDown: () => this.turn(1),
                ArrowLeft: () => this.turn(-1), PageUp: () => this.turn(-1),
                Home: () => this.goTo(0), End: () => this.goTo(this.pageCount - 1),
                Delete: () => this.remove(this.hovered ?? this.selected),
                Backspace: () => this.remove(this.hovered ?? this.selected),
                h: () => this.toggleHidden(), c: () => this.copyNeighbour(),
                0: () => { this.stage.fit(); this.draw(); }, " ": () => this.#space(true), Escape: () => this.keys.blur(),
            };
        if (event.altKey || !acts[key]) return;
        event.preventDefault();
        acts[key]();
    }

    // -- what can be done

    /** One change that can be undone; tells the host. */
    #change(edit) {
        this.problem = this.said = "";
        const changed = this.labels.change(edit);
        if (changed) this.onChange(this.labels.text);
        return changed;
    }

    undo() {
        this.#restored(this.labels.undo(), "Nothing to undo.");
    }

    redo() {
        this.#restored(this.labels.redo(), "Nothing to redo.");
    }

    #restored(picture, otherwise) {
        const done = picture !== undefined;
        this.problem = "";
        if (done) this.onChange(this.labels.text);
        this.goTo(picture >= 0 ? picture : this.page); // where it can be seen
        this.said = done ? "" : otherwise;
        if (!this.points.has(this.selected)) this.selected = null;
        this.#advance();
        this.refresh();
    }

    remove(name) {
        if (!this.points.has(name)) return;
        this.#change(() => this.points.delete(name));
        this.selected = this.hovered = null;
        this.current = name;
        this.refresh();
    }

    toggleHidden(name = this.selected ?? this.hovered) {
        const point = this.points.get(name);
        if (!point) this.#say("Choose a point first: click it, or its name.");
        else this.#change(() => this.points.set(name, { ...point, visible: !point.visible }));
        this.refresh();
    }

    copyNeighbour() {
        const from = this.page > 0 ? this.page - 1 : 1;
        const added = [...(this.labels.pictures[from] ?? [])].filter(([name]) => !this.points.has(name));
        this.#change(() => added.forEach(([name, point]) => this.points.set(name, { ...point })));
        this.selected = null;
        this.#advance();
        this.#say(added.length
            ? `Copied ${plural(added.length, "point")} of picture ${from + 1}. Drag them into place.`
            : `Picture ${from + 1} has no points that are missing here.`);
    }

    /** To the next (1) or previous (-1) name, as what is selected and what a click places. */
    step(by) {
        const { names } = this.labels;
        const at = names.indexOf(this.current ?? this.selected);
        this.choose(names[at < 0 ? (by > 0 ? 0 : names.length - 1) : (at + by + names.length) % names.length]);
    }

    choose(name) {
        this.current = name;
        this.selected = this.points.has(name) ? name : null;
        this.said = "";
        this.refresh();
    }

    turn(by) {
        this.goTo(this.page + by);
    }

    goTo(page) {
        const to = Math.max(0, Math.min(page, this.pageCount - 1));
        if (to === this.page) return;
        this.page = to;
        this.selected = this.hovered = this.held = null;
        this.said = "";
        this.#advance();
        this.refresh();
    }

    /** Make the first name without a point the current one, looking from after a name on. */
    #advance(after) {
        const { names } = this.labels;
        const start = after === undefined ? 0 : names.indexOf(after) + 1;
        const order = [...names.slice(start), ...names.slice(0, start)];
        this.current = order.find((name) => !this.points.has(name)) ?? null;
    }

    takeNames() {
        try {
            this.#rename(readNames(this.namesInput.value));
        } catch (problem) {
            this.#say(problem.message);
        }
    }

    #rename(names, limbs) {
        let lost = 0;
        this.#change(() => { lost = this.labels.rename(names, limbs); });
        this.selected = null;
        this.#advance();
        this.#say(lost ? `${plural(lost, "point")} had no place among the new names. Undo brings them back.` : "");
        this.keys.focus({ preventScroll: true });
    }

    clear() {
        this.#change(() => this.labels.pictures.forEach((points) => points.clear()));
        this.selected = null;
        this.#advance();
        this.#say("All labels are removed. Undo brings them back.");
    }

    /** Remove what the node could not take: text that cannot be read, or labels of pictures that are gone. */
    clean() {
        this.#change(() => { if (this.urls.length) this.labels.pictures.length = Math.min(this.labels.pictures.length, this.urls.length); });
        this.goTo(this.page);
        this.#advance();
        this.#say("Removed. Undo brings them back.");
    }

    async importFiles() {
        const chosen = await Promise.all([...this.files.files].map(async (file) => ({ name: file.name, text: await file.text() })));
        this.files.value = ""; // so that the same file can be chosen again
        try {
            const read = readPoseFiles(chosen, this.#openposeNames(), this.stage.image ? this.stage.size : undefined);
            const total = read.pictures.reduce((sum, points) => sum + points.size, 0);
            if (total === 0) throw new Error("There is no labelled point in it.");
            this.namesAreTyped = false;
            this.#change(() => {
                this.labels.rename(read.names, read.limbs);
                this.labels.pictures = read.pictures;
            });
            this.goTo(this.page);
            this.selected = null;
            this.#advance();
            this.#say(`Imported ${plural(total, "point")} of ${plural(read.pictures.length, "picture")}, in place of what was here.`);
        } catch (problem) {
            this.#say(problem.message, true);
        }
    }

    exportFile(kind) {
        const copy = new Labels(this.labels.skeletons, this.labels.freeColours);
        copy.read(this.labels.text);
        const lost = kind === "openpose" ? copy.rename(this.#openposeNames()) : 0;
        if (!this.stage.image) return this.#say("Show the pictures first: these files are in pixels.");
        if (copy.reach() === 0)
            return this.#say(lost ? "None of these names is a joint of OpenPose; export as COCO." : "There are no labels yet.");
        while (copy.pictures.length < this.urls.length) copy.points(copy.pictures.length);
        const text = kind === "coco" ? writeCoco(copy, this.stage.size)
            : writeOpenPose(copy, this.#openposeNames(), this.stage.size);
        const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
        make("a", { href: address, download: `labels-${kind}.json` }).click();
        setTimeout(() => URL.revokeObjectURL(address), 10_000);
        this.#say(lost ? `Exported without ${plural(lost, "point")} that OpenPose has no joint for.` : "Exported.");
    }

    #openposeNames() {
        return this.labels.skeletons.find(({ names }) => names.length === 18).names;
    }

    // -- showing

    #say(text, isProblem = false) {
        this.said = text;
        if (isProblem) this.problem = text;
        this.refresh();
    }

    /** Bring everything on the page up to date. */
    refresh() {
        const { labels, page } = this;
        const total = this.pageCount;
        const beyond = this.urls.length > 0 && page >= this.urls.length;
        this.pageText.textContent = total ? `${page + 1} / ${total}` : "–";
        this.previousButton.disabled = page === 0;
        this.nextButton.disabled = page >= total - 1;
        this.undoButton.disabled = labels.undos.length === 0;
        this.redoButton.disabled = labels.redos.length === 0;
        this.copyButton.disabled = total < 2;
        const point = this.points.get(this.selected);
        this.hideButton.disabled = !point;
        this.hideButton.setAttribute("aria-pressed", String(point?.visible === false));
        const known = labels.skeleton();
        const typed = this.namesAreTyped || !known;
        this.skeletonMenu.value = typed ? CUSTOM : known.title;
        this.namesInput.hidden = !typed;
        if (document.activeElement !== this.namesInput) this.namesInput.value = labels.names.join(", ");
        this.#showNames();
        this.#showStrip(total);
        this.#loadImage();
        this.#showEmpty(beyond);
        this.#showStatus(beyond);
        this.draw();
    }

    #showNames() {
        const rows = this.labels.names.map((name) => {
            const point = this.points.get(name);
            const row = make("div", {
                className: "kl-name", title: name,
                attributes: { role: "option", "aria-selected": name === this.current, "data-name": name },
                onmousedown: (event) => event.preventDefault(),
                onclick: () => { this.choose(name); this.keys.focus({ preventScroll: true }); },
                onpointerenter: () => { this.hovered = name; this.draw(); },
                onpointerleave: () => { this.hovered = null; this.draw(); },
            }, make("i", { style: `--colour: ${this.labels.colour(name)}` }), make("span", { textContent: name }));
            row.classList.toggle("kl-placed", Boolean(point));
            row.classList.toggle("kl-is-hidden", point?.visible === false);
            row.classList.toggle("kl-is-selected", name === this.selected);
            return row;
        });
        const scrolled = this.nameList.scrollTop;
        this.nameList.replaceChildren(...rows);
        this.nameList.scrollTop = scrolled;
        const row = rows[this.labels.names.indexOf(this.current)];
        if (!row) return;
        // Not scrollIntoView, which would scroll the whole page with the graph.
        const top = row.offsetTop - this.nameList.offsetTop;
        const lowest = top + row.offsetHeight - this.nameList.clientHeight;
        this.nameList.scrollTop = Math.min(top, Math.max(lowest, this.nameList.scrollTop));
    }

    #showStrip(total) {
        this.strip.hidden = total < 2 || total > MOST_SEGMENTS;
        if (this.strip.hidden) return;
        this.strip.replaceChildren(...Array.from({ length: total }, (_, i) => {
            const full = this.labels.count(i) / this.labels.names.length;
            const segment = make("button", {
                type: "button", title: `Picture ${i + 1}: ${this.labels.count(i)} of ${this.labels.names.length} points`,
                onmousedown: (event) => event.preventDefault(),
                onclick: () => { this.goTo(i); this.keys.focus({ preventScroll: true }); },
            }, make("i", { style: `width: ${100 * full}%` }));
            segment.classList.toggle("kl-is-current", i === this.page);
            return segment;
        }));
    }

    /** Show the page's picture when it has arrived, and fetch the next one ahead. */
    #loadImage() {
        for (const url of [this.urls[this.page], this.urls[this.page + 1]]) {
            if (!url || this.images.has(url)) continue;
            const image = make("img", { src: url });
            this.images.set(url, image);
            image.onload = image.onerror = () => this.refresh();
        }
        const image = this.images.get(this.urls[this.page]);
        this.stage.setImage(image?.complete && image.naturalWidth > 0 ? image : null);
    }

    #showEmpty(beyond) {
        const image = this.images.get(this.urls[this.page]);
        this.empty.hidden = Boolean(this.stage.image);
        this.showButton.hidden = beyond || (image && !image.complete);
        const kept = this.labels.reach() > 0 ? " Your labels are kept." : "";
        this.emptyText.textContent = beyond ? `Picture ${this.page + 1} has labels, but it is not in the batch any more.`
            : !image ? `Run once to see the pictures.${kept}`
            : !image.complete ? "Loading the picture…"
            : `This picture is not on the server any more. Run once to see it again.${kept}`;
    }

    #showStatus(beyond) {
        const { labels, current } = this;
        const problem = labels.broken || (beyond ? `The batch has ${plural(this.urls.length, "picture")}.` : this.problem);
        // Having no labels yet is where everybody starts.
        this.status.classList.toggle("kl-problem", Boolean(problem) && (labels.broken || labels.reach() > 0));
        this.cleanButton.hidden = !labels.broken && !(this.urls.length && labels.reach() > this.urls.length);
        const placed = labels.count(this.page);
        this.count.textContent = `${placed} / ${labels.names.length}`;
        this.status.textContent = problem || this.said || (!this.stage.image ? ""
            : current ? (this.points.has(current) ? `Click to move ${current}.` : `Click: ${current}`)
            : this.page < this.pageCount - 1 ? "All points of this picture are placed. → next picture"
            : "All points of this picture are placed.");
    }

    draw() {
        const points = new Map(this.points);
        if (this.held?.name) points.set(this.held.name, this.held.point);
        const { names } = this.labels;
        const isFree = this.pointer && !this.held && !this.hovered && !this.spaceIsDown && this.current && this.stage.image;
        const place = isFree && this.stage.toPicture(this.pointer);
        const inside = place && place.x >= 0 && place.x <= 1 && place.y >= 0 && place.y <= 1;
        this.keys.style.cursor = this.held?.pan || this.spaceIsDown ? "grab"
            : this.hovered || this.held ? "pointer" : inside ? "crosshair" : "default";
        this.fitButton.disabled = this.stage.isFitted;
        this.stage.draw({
            points, limbs: this.labels.limbs.map((limb) => limb.map((i) => names[i])),
            colour: (name) => this.labels.colour(name), selected: this.held?.name ?? this.selected, hovered: this.hovered,
            next: inside ? { name: this.current, at: this.pointer } : null,
        });
    }
}

/** Keys that mean the host wherever the focus is: run and save. */
function isForHost(event) {
    return event instanceof KeyboardEvent && (event.ctrlKey || event.metaKey) && ["Enter", "s"].includes(event.key);
}

function plural(count, thing) {
    return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
