// What the pointer does on the picture: place, drag and remove points, move the picture about, come nearer.

export class Pointer {
    /** Listens to the editor's canvas; what it decides, the editor does. */
    constructor(editor) {
        this.editor = editor;
        this.at = null; // on the canvas, null when it is elsewhere
        this.hovered = null; // the name of the point under it, here or in the list of names
        this.held = null; // what a pressed button moves: {name, point} or {pan: [x, y]}
        this.spaceIsDown = false;
        const { keys } = editor;
        keys.addEventListener("pointerdown", (event) => this.#press(event));
        keys.addEventListener("pointermove", (event) => this.#move(event));
        keys.addEventListener("pointerup", () => this.#release());
        keys.addEventListener("pointercancel", () => { this.held = null; editor.draw(); });
        keys.addEventListener("pointerleave", () => { this.at = this.hovered = null; editor.draw(); });
        keys.addEventListener("mousedown", (event) => event.preventDefault()); // the middle one would scroll
        keys.addEventListener("keyup", (event) => { if (event.key === " ") this.space(false); });
        keys.addEventListener("blur", () => this.space(false));
        editor.root.addEventListener("contextmenu", (event) => event.preventDefault());
        editor.root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    }

    /** Forget what it holds and what is under it: another picture, or other labels, are shown. */
    letGo() {
        this.held = this.hovered = null;
    }

    /** While the space bar is down, dragging moves the picture. */
    space(isDown) {
        this.spaceIsDown = isDown;
        this.editor.keys.classList.toggle("kl-pans", isDown);
        this.editor.draw();
    }

    /** The points as they are while one of them is dragged. */
    moved(points) {
        return this.held?.name ? new Map(points).set(this.held.name, this.held.point) : points;
    }

    /** Whether a click would place a point here. */
    get canPlace() {
        const { editor } = this;
        const isFree = this.at && !this.held && !this.hovered && !this.spaceIsDown && editor.current && editor.stage.image;
        return Boolean(isFree) && isInside(editor.stage.toPicture(this.at));
    }

    get cursor() {
        if (this.held?.pan || this.spaceIsDown) return "grab";
        if (this.hovered || this.held) return "pointer";
        return this.canPlace ? "crosshair" : "default";
    }

    #press(event) {
        const { editor } = this;
        const { stage } = editor;
        editor.panel.focus();
        editor.root.classList.remove("kl-shows-help");
        if (!stage.image) return;
        const at = stage.onCanvas(event);
        const name = event.shiftKey ? null : stage.nameAt(at, editor.points);
        if (event.button === 1 || (event.button === 0 && this.spaceIsDown)) this.held = { pan: at };
        else if (event.button === 2 || event.ctrlKey) { // a Mac's right click is Ctrl+Click
            if (name) editor.remove(name);
            return;
        } else if (event.button === 0 && name) {
            editor.selected = name;
            this.held = { name, point: { ...editor.points.get(name) }, from: at };
        } else if (event.button === 0) {
            const place = stage.toPicture(at);
            editor.selected = null;
            if (isInside(place) && editor.current)
                this.held = { name: editor.current, point: { ...place, visible: !event.altKey }, isPlaced: true };
            else if (isInside(place)) editor.say("All points are placed. Choose a name to place it anew, or drag a point.");
        }
        if (this.held) editor.keys.setPointerCapture(event.pointerId);
        editor.refresh();
    }

    #move(event) {
        const { stage } = this.editor;
        const at = this.at = stage.onCanvas(event);
        if (this.held?.pan) {
            stage.pan(at[0] - this.held.pan[0], at[1] - this.held.pan[1]);
            this.held.pan = at;
        } else if (this.held) {
            // A press that trembles is not a drag.
            const still = this.held.from && Math.hypot(at[0] - this.held.from[0], at[1] - this.held.from[1]) < 2;
            if (!still) {
                const place = stage.toPicture(at);
                this.held.point.x = Math.min(1, Math.max(0, place.x));
                this.held.point.y = Math.min(1, Math.max(0, place.y));
                this.held.from = null;
            }
        } else this.hovered = stage.image ? stage.nameAt(at, this.editor.points) : null;
        this.editor.draw();
    }

    #release() {
        const { held } = this;
        this.held = null;
        if (held?.name) this.editor.place(held.name, held.point, held.isPlaced);
        this.editor.refresh();
    }

    #wheel(event) {
        const { keys, stage, panel: { nameList } } = this.editor;
        const overList = nameList.contains(event.target) && nameList.scrollHeight > nameList.clientHeight;
        const wanted = event.target === keys && document.activeElement === keys && stage.image;
        if (!wanted && !overList) return this.editor.onWheel(event);
        event.stopPropagation();
        if (overList) return;
        event.preventDefault();
        stage.zoom(stage.onCanvas(event), Math.exp(-Math.sign(event.deltaY) * Math.min(0.25, Math.abs(event.deltaY) / 400)));
        this.editor.draw();
    }
}

function isInside({ x, y }) {
    return x >= 0 && x <= 1 && y >= 0 && y <= 1;
}
