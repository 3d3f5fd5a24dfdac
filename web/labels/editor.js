// The annotator: what a person can do, with keys and buttons; `pointer.js` has what the mouse does. It knows labels and pictures, nothing of the host.

import { readPoseFiles, writeCoco, writeOpenPose } from "./files.js";
import { Labels, readNames } from "./labels.js";
import { make, Panel, plural } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Stage } from "./stage.js";

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
        this.problem = "";
        this.said = "";
        this.panel = new Panel(this, onShow);
        this.root = this.panel.root;
        this.keys = this.panel.keys;
        this.stage = new Stage(this.panel.canvas);
        this.pointer = new Pointer(this);
        new ResizeObserver(() => this.draw()).observe(this.panel.canvas);
        this.#listen();
        this.#advance();
        this.refresh();
    }

    get text() {
        return this.labels.text;
    }

    set text(text) {
        if (text === this.labels.text) return;
        this.labels.read(text);
        this.selected = null;
        this.pointer.letGo();
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

    #listen() {
        // Nothing reaches the graph from in here, so that neither renderer selects, drags, pastes or deletes.
        for (const kind of ["pointerdown", "pointermove", "pointerup", "mousedown", "dblclick", "contextmenu", "keydown", "keyup"])
            this.root.addEventListener(kind, (event) => { if (!isForHost(event)) event.stopPropagation(); });
        const { keys } = this;
        keys.addEventListener("keydown", (event) => this.#key(event));
        keys.addEventListener("paste", (event) => event.preventDefault());
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
                Delete: () => this.remove(this.pointer.hovered ?? this.selected),
                Backspace: () => this.remove(this.pointer.hovered ?? this.selected),
                h: () => this.toggleHidden(), c: () => this.copyNeighbour(),
                0: () => this.fit(), " ": () => this.pointer.space(true), Escape: () => this.keys.blur(),
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

    /** A point in its place, new or moved; after a new one the next name comes. */
    place(name, point, isNew) {
        this.#change(() => this.points.set(name, point));
        this.selected = name;
        if (isNew) this.#advance(name);
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
        this.selected = this.pointer.hovered = null;
        this.current = name;
        this.refresh();
    }

    toggleHidden(name = this.selected ?? this.pointer.hovered) {
        const point = this.points.get(name);
        if (!point) this.say("Choose a point first: click it, or its name.");
        else this.#change(() => this.points.set(name, { ...point, visible: !point.visible }));
        this.refresh();
    }

    copyNeighbour() {
        const from = this.page > 0 ? this.page - 1 : 1;
        const added = [...(this.labels.pictures[from] ?? [])].filter(([name]) => !this.points.has(name));
        this.#change(() => added.forEach(([name, point]) => this.points.set(name, { ...point })));
        this.selected = null;
        this.#advance();
        this.say(added.length
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
        this.selected = null;
        this.pointer.letGo();
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

    hover(name) {
        this.pointer.hovered = name;
        this.draw();
    }

    fit() {
        this.stage.fit();
        this.draw();
    }

    /** Label the names of a known skeleton, or, with any other title, names that a person types. */
    chooseSkeleton(title) {
        const known = this.labels.skeletons.find((skeleton) => skeleton.title === title);
        this.namesAreTyped = !known;
        if (known) this.#rename(known.names, known.limbs.map((limb) => [...limb]));
        else {
            this.refresh();
            this.panel.namesInput.focus({ preventScroll: true });
        }
    }

    takeNames(text) {
        try {
            this.#rename(readNames(text));
        } catch (problem) {
            this.say(problem.message);
        }
    }

    #rename(names, limbs) {
        let lost = 0;
        this.#change(() => { lost = this.labels.rename(names, limbs); });
        this.selected = null;
        this.#advance();
        this.say(lost ? `${plural(lost, "point")} had no place among the new names. Undo brings them back.` : "");
        this.panel.focus();
    }

    clear() {
        this.#change(() => this.labels.pictures.forEach((points) => points.clear()));
        this.selected = null;
        this.#advance();
        this.say("All labels are removed. Undo brings them back.");
    }

    /** Remove what the node could not take: text that cannot be read, or labels of pictures that are gone. */
    clean() {
        this.#change(() => { if (this.urls.length) this.labels.pictures.length = Math.min(this.labels.pictures.length, this.urls.length); });
        this.goTo(this.page);
        this.#advance();
        this.say("Removed. Undo brings them back.");
    }

    async importFiles(files) {
        const chosen = await Promise.all(files.map(async (file) => ({ name: file.name, text: await file.text() })));
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
            this.say(`Imported ${plural(total, "point")} of ${plural(read.pictures.length, "picture")}, in place of what was here.`);
        } catch (problem) {
            this.say(problem.message, true);
        }
    }

    exportFile(kind) {
        const copy = new Labels(this.labels.skeletons, this.labels.freeColours);
        copy.read(this.labels.text);
        const lost = kind === "openpose" ? copy.rename(this.#openposeNames()) : 0;
        if (!this.stage.image) return this.say("Show the pictures first: these files are in pixels.");
        if (copy.reach() === 0)
            return this.say(lost ? "None of these names is a joint of OpenPose; export as COCO." : "There are no labels yet.");
        while (copy.pictures.length < this.urls.length) copy.points(copy.pictures.length);
        const text = kind === "coco" ? writeCoco(copy, this.stage.size)
            : writeOpenPose(copy, this.#openposeNames(), this.stage.size);
        const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
        make("a", { href: address, download: `labels-${kind}.json` }).click();
        setTimeout(() => URL.revokeObjectURL(address), 10_000);
        this.say(lost ? `Exported without ${plural(lost, "point")} that OpenPose has no joint for.` : "Exported.");
    }

    #openposeNames() {
        return this.labels.skeletons.find(({ names }) => names.length === 18).names;
    }

    // -- showing

    say(text, isProblem = false) {
        this.said = text;
        if (isProblem) this.problem = text;
        this.refresh();
    }

    /** Bring everything on the page up to date. */
    refresh() {
        this.#loadImage();
        this.panel.refresh();
        this.draw();
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

    draw() {
        const { pointer } = this;
        const { names, limbs } = this.labels;
        this.keys.style.cursor = pointer.cursor;
        this.panel.fitButton.disabled = this.stage.isFitted;
        this.stage.draw({
            points: pointer.moved(this.points), limbs: limbs.map((limb) => limb.map((i) => names[i])),
            colour: (name) => this.labels.colour(name), selected: pointer.held?.name ?? this.selected, hovered: pointer.hovered,
            next: pointer.canPlace ? { name: this.current, at: pointer.at } : null,
        });
    }
}

/** Keys that mean the host wherever the focus is: run and save. */
function isForHost(event) {
    return event instanceof KeyboardEvent && (event.ctrlKey || event.metaKey) && ["Enter", "s"].includes(event.key);
}
