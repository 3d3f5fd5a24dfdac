// The labels of a batch: names, limbs, points of each picture; as text and back; what can be undone.
//
// The text is the value of the node's input, in the form that keypoints/labels.py describes. Places are parts of
// the picture's width and height, never pixels.

const VERSION = 1;
const MOST_UNDOS = 300;

export class Labels {
    /** skeletons: [{title, names, limbs, colours}], the first for new labels. colours: of names in none of them. */
    constructor(skeletons, colours) {
        this.skeletons = skeletons;
        this.freeColours = colours;
        this.read("");
    }

    /** Take over a text, and forget what could be undone. Text that cannot be read is kept, and `broken` says why. */
    read(text) {
        this.undos = [];
        this.redos = [];
        this.#take(text);
    }

    #take(text) {
        this.broken = "";
        this.text = text;
        this.names = [...this.skeletons[0].names];
        this.limbs = this.skeletons[0].limbs.map((limb) => [...limb]);
        this.pictures = []; // of each picture a Map from name to {x, y, visible}
        if (text.trim() === "") return;
        try {
            const form = JSON.parse(text);
            checkForm(form);
            this.names = form.names;
            this.limbs = form.skeleton ?? [];
            this.pictures = form.pictures.map(({ points }) => new Map(Object.entries(points).map(
                ([name, { x, y, visible = true }]) => [name, { x, y, visible }])));
        } catch (problem) {
            this.broken = `These labels cannot be read: ${problem.message}`;
        }
    }

    #write() {
        const pictures = this.pictures.map((points) => ({
            points: Object.fromEntries(this.names.filter((name) => points.has(name)).map((name) => {
                const { x, y, visible } = points.get(name);
                return [name, { x: Number(x.toFixed(6)), y: Number(y.toFixed(6)), visible }];
            })),
        }));
        while (pictures.length && Object.keys(pictures.at(-1).points).length === 0) pictures.pop();
        const isNew = pictures.length === 0 && this.skeleton() === this.skeletons[0];
        return isNew ? "" : JSON.stringify({ version: VERSION, names: this.names, skeleton: this.limbs, pictures });
    }

    /** Do a change as one step that can be undone. Returns whether anything is different now. */
    change(edit) {
        const before = this.text;
        edit();
        this.broken = "";
        this.text = this.#write();
        if (this.text === before) return false;
        this.undos.push(before);
        if (this.undos.length > MOST_UNDOS) this.undos.shift();
        this.redos = [];
        return true;
    }

    /** Returns the number of the picture that is different now, -1 if only the names are, undefined if nothing is. */
    undo() {
        return this.#step(this.undos, this.redos);
    }

    redo() {
        return this.#step(this.redos, this.undos);
    }

    #step(from, to) {
        if (from.length === 0) return undefined;
        const before = this.pictures;
        to.push(this.text);
        this.#take(from.pop());
        const all = before.length > this.pictures.length ? before : this.pictures;
        return all.findIndex((_, i) => differ(before[i], this.pictures[i]));
    }

    /** The points of a picture, to read or, within change(), to edit. */
    points(picture) {
        while (this.pictures.length <= picture) this.pictures.push(new Map());
        return this.pictures[picture];
    }

    count(picture) {
        return this.pictures[picture]?.size ?? 0;
    }

    /** The number of pictures up to the last one with a label. */
    reach() {
        return this.pictures.findLastIndex((points) => points.size > 0) + 1;
    }

    /** The known skeleton that these names are, or undefined. */
    skeleton() {
        return this.skeletons.find(({ names }) => names.join("\n") === this.names.join("\n"));
    }

    /** A name's colour, as CSS has it; the one that Draw Keypoints gives it. */
    colour(name) {
        const known = this.skeletons.filter(({ names }) => names.includes(name));
        const everyNameIsKnown = this.names.every((one) => this.skeletons.some(({ names }) => names.includes(one)));
        const [r, g, b] = everyNameIsKnown && known.length
            ? known[0].colours[known[0].names.indexOf(name)]
            : this.freeColours[Math.max(0, this.names.indexOf(name)) % this.freeColours.length];
        return `rgb(${Math.round(255 * r)} ${Math.round(255 * g)} ${Math.round(255 * b)})`;
    }

    /** Label other names, within change(). Points go along by name, or by what other skeletons call the same joint.
     *  limbs: by default those of the known skeletons. Returns how many points have no place among the names. */
    rename(names, limbs = this.#knownLimbs(names)) {
        let lost = 0;
        this.pictures = this.pictures.map((points) => {
            const kept = new Map();
            for (const [name, point] of points) {
                const target = names.includes(name) ? name : this.#synonyms(name).find((other) => names.includes(other));
                if (target) kept.set(target, point);
                else lost += 1;
            }
            return kept;
        });
        this.names = [...names];
        this.limbs = limbs;
        return lost;
    }

    /** What the known skeletons call a joint: what they draw in one colour is one joint in all of them. */
    #synonyms(name) {
        const joints = this.skeletons.flatMap(({ names, colours }) =>
            names.map((joint, i) => ({ joint, colour: colours[i].join() })));
        const own = joints.find(({ joint }) => joint === name)?.colour;
        return joints.filter(({ colour }) => colour === own).map(({ joint }) => joint);
    }

    /** The limbs of the known skeleton that has most of these names; of equals the last, as in keypoints/limbs.py:
     *  without a neck, OpenPose's joints are COCO's. */
    #knownLimbs(names) {
        const common = (known) => known.names.filter((name) => names.includes(name)).length;
        const known = this.skeletons.reduce((best, next) => (common(next) >= common(best) ? next : best));
        return known.limbs.map((limb) => limb.map((i) => names.indexOf(known.names[i])))
            .filter(([i, j]) => i >= 0 && j >= 0);
    }
}

function differ(one = new Map(), other = new Map()) {
    const isSame = ([name, a]) => {
        const b = other.get(name);
        return b && Math.abs(a.x - b.x) < 1e-6 && Math.abs(a.y - b.y) < 1e-6 && a.visible === b.visible;
    };
    return one.size !== other.size || ![...one].every(isSame);
}

/** Names out of what a person types: with commas or one on each line. Throws an Error in words. */
export function readNames(text) {
    const names = text.split(/[,\n]/).map((name) => name.trim()).filter(Boolean);
    if (names.length === 0) throw new Error("Type names with commas between them, such as: left eye, right eye, nose.");
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice) throw new Error(`The name '${twice}' occurs more than once.`);
    return names;
}

/** Throws an Error that says what is wrong with a text's form; the node says it in more words. */
function checkForm(form) {
    const isPart = (value) => typeof value === "number" && value >= 0 && value <= 1;
    if (form?.version !== VERSION) throw new Error(`expected labels of version ${VERSION}.`);
    if (!Array.isArray(form.names) || form.names.length === 0 || !form.names.every((name) => typeof name === "string"))
        throw new Error("they have no list of names.");
    if (new Set(form.names).size < form.names.length) throw new Error("a name occurs more than once.");
    const isEnd = (end) => Number.isInteger(end) && end >= 0 && end < form.names.length;
    const limbs = form.skeleton ?? [];
    if (!Array.isArray(limbs) || !limbs.every((limb) => Array.isArray(limb) && limb.length === 2 && limb.every(isEnd)))
        throw new Error("their skeleton does not fit their names.");
    if (!Array.isArray(form.pictures)) throw new Error("they have no list of pictures.");
    form.pictures.forEach((picture, i) => {
        if (typeof picture?.points !== "object" || picture.points === null)
            throw new Error(`picture ${i + 1} has no points.`);
        for (const [name, point] of Object.entries(picture.points)) {
            if (!form.names.includes(name)) throw new Error(`'${name}' is labelled, but it is not one of their names.`);
            if (!isPart(point?.x) || !isPart(point?.y))
                throw new Error(`'${name}' of picture ${i + 1} is outside the picture.`);
        }
    });
}
