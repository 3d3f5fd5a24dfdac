// One picture with its points on a canvas: where things are on the screen, what is under the pointer, the drawing.
//
// Three kinds of places: of the screen as pointer events have them, of the canvas in CSS pixels (the graph may be
// zoomed, which scales the whole widget), and of the picture in parts of its width and height.

const RADIUS = 5.5; // of a point, in CSS pixels at every zoom
const REACH = 9; // how near the pointer must be to a point to mean it
const MARGIN = 10; // around a picture that is shown whole
const MOST_ZOOM = 40; // screen pixels of one pixel of the picture
const RIM = "rgb(16 16 18)";

export class Stage {
    constructor(canvas) {
        this.canvas = canvas;
        this.image = null; // an HTMLImageElement that has arrived
        this.fit();
    }

    /** Show another picture; the view stays where it is when the picture has the size of the one before. */
    setImage(image) {
        const same = this.image && image && this.image.naturalWidth === image.naturalWidth
            && this.image.naturalHeight === image.naturalHeight;
        this.image = image;
        if (!same) this.fit();
    }

    /** Show the whole picture, now and after every resize, until somebody zooms or pans. */
    fit() {
        this.view = null;
    }

    get isFitted() {
        return this.view === null;
    }

    get size() {
        return { width: this.image?.naturalWidth ?? 1, height: this.image?.naturalHeight ?? 1 };
    }

    /** {scale, x, y}: canvas pixels of one picture pixel, and where the picture's corner is on the canvas. */
    #look() {
        if (this.view) return this.view;
        const { width, height } = this.size;
        const [w, h] = [this.canvas.clientWidth, this.canvas.clientHeight];
        const scale = Math.max(0.01, Math.min((w - 2 * MARGIN) / width, (h - 2 * MARGIN) / height));
        return { scale, x: (w - scale * width) / 2, y: (h - scale * height) / 2 };
    }

    /** The place of a pointer event on the canvas. */
    onCanvas(event) {
        const box = this.canvas.getBoundingClientRect();
        const shrunk = this.canvas.clientWidth / box.width;
        return [(event.clientX - box.left) * shrunk, (event.clientY - box.top) * shrunk];
    }

    /** A place of the canvas as {x, y} in parts of the picture, outside 0..1 where it is beside it. */
    toPicture([left, top]) {
        const { scale, x, y } = this.#look();
        return { x: (left - x) / scale / this.size.width, y: (top - y) / scale / this.size.height };
    }

    toCanvas(point) {
        const { scale, x, y } = this.#look();
        return [x + point.x * this.size.width * scale, y + point.y * this.size.height * scale];
    }

    zoom([left, top], factor) {
        const { scale, x, y } = this.#look();
        const smallest = Math.min(1, 40 / Math.max(this.size.width, this.size.height));
        const zoomed = Math.min(MOST_ZOOM, Math.max(smallest, scale * factor));
        this.view = { scale: zoomed, x: left - (left - x) * (zoomed / scale), y: top - (top - y) * (zoomed / scale) };
    }

    pan(right, down) {
        const { scale, x, y } = this.#look();
        this.view = { scale, x: x + right, y: y + down };
    }

    /** The name of the point that is meant by a place of the canvas, the nearest, or null. */
    nameAt([left, top], points) {
        let [nearest, best] = [REACH, null];
        for (const [name, point] of points) {
            const [x, y] = this.toCanvas(point);
            const distance = Math.hypot(x - left, y - top);
            if (distance < nearest) [nearest, best] = [distance, name];
        }
        return best;
    }

    /** Draw everything. scene: {points: Map, limbs: pairs of names, colour(name), selected, hovered,
     *  next: {name, at} for what a click would place}. */
    draw(scene) {
        const { canvas } = this;
        const sharpness = Math.max(1, window.devicePixelRatio * canvas.getBoundingClientRect().width / canvas.clientWidth || 1);
        canvas.width = Math.round(canvas.clientWidth * sharpness);
        canvas.height = Math.round(canvas.clientHeight * sharpness);
        if (!this.image) return;
        const pen = canvas.getContext("2d");
        pen.scale(sharpness, sharpness);
        const { scale, x, y } = this.#look();
        pen.imageSmoothingEnabled = scale < 4;
        pen.imageSmoothingQuality = "high";
        pen.drawImage(this.image, x, y, this.size.width * scale, this.size.height * scale);
        for (const limb of scene.limbs) this.#drawLimb(pen, scene, limb);
        for (const name of scene.points.keys()) this.#drawPoint(pen, scene, name);
        const labelled = [...new Set([scene.hovered, scene.selected])].filter((name) => scene.points.has(name));
        for (const name of labelled) {
            const hidden = scene.points.get(name).visible ? "" : " (hidden)";
            this.#drawName(pen, name + hidden, scene.colour(name), this.toCanvas(scene.points.get(name)));
        }
        if (scene.next) this.#drawName(pen, scene.next.name, scene.colour(scene.next.name), scene.next.at);
    }

    #drawLimb(pen, { points, colour }, [from, to]) {
        if (!points.has(from) || !points.has(to)) return;
        const seen = points.get(from).visible && points.get(to).visible;
        pen.lineCap = "round";
        pen.setLineDash(seen ? [] : [4, 6]);
        pen.globalAlpha = 0.85;
        for (const [width, style] of [[4.5, RIM], [2.5, colour(to)]]) {
            pen.beginPath();
            pen.moveTo(...this.toCanvas(points.get(from)));
            pen.lineTo(...this.toCanvas(points.get(to)));
            pen.lineWidth = width;
            pen.strokeStyle = style;
            pen.stroke();
        }
        pen.globalAlpha = 1;
        pen.setLineDash([]);
    }

    #drawPoint(pen, { points, colour, selected, hovered }, name) {
        const point = points.get(name);
        const [x, y] = this.toCanvas(point);
        const radius = RADIUS + (name === hovered ? 1.5 : 0);
        const ring = (r, width, style) => {
            pen.beginPath();
            pen.arc(x, y, r, 0, 2 * Math.PI);
            pen.lineWidth = width;
            pen.strokeStyle = style;
            pen.stroke();
        };
        if (name === selected) {
            ring(radius + 4, 4, RIM);
            ring(radius + 4, 2, "white");
        }
        if (point.visible) {
            pen.beginPath();
            pen.arc(x, y, radius, 0, 2 * Math.PI);
            pen.fillStyle = colour(name);
            pen.fill();
            ring(radius + 0.5, 1.5, RIM);
        } else {
            ring(radius - 1, 5, RIM);
            ring(radius - 1, 2.5, colour(name));
        }
    }

    /** A name on a dark ground, right above a place, moved so that it stays on the canvas. */
    #drawName(pen, text, colour, [x, y]) {
        pen.font = "600 12px system-ui, sans-serif";
        const width = pen.measureText(text).width + 24;
        const left = Math.max(2, Math.min(x + 12, this.canvas.clientWidth - width - 2));
        const top = y < 40 ? y + 14 : y - 32;
        pen.fillStyle = "rgb(16 16 18 / 0.88)";
        pen.beginPath();
        pen.roundRect(left, top, width, 20, 6);
        pen.fill();
        pen.fillStyle = colour;
        pen.beginPath();
        pen.arc(left + 10, top + 10, 4, 0, 2 * Math.PI);
        pen.fill();
        pen.fillStyle = "white";
        pen.textBaseline = "middle";
        pen.fillText(text, left + 18, top + 10.5);
    }
}
