// Labels from and to the files of other programs: COCO keypoints and OpenPose, both JSON and both in pixels.
// What is read, and in which order, is what Load Labels reads; keypoints/coco.py and openpose.py say more.

const BODY_25 = 25; // joints of OpenPose's other body model; these are OpenPose 18 within it
const LARGEST_PART = 2; // coordinates that are all at most this are parts of width and height, not pixels
const BODY_25_TO_18 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

/** The poses of files. Throws an Error in words, which names the file.
 *  files: [{name, text}], in the order of the pictures. size: {width, height} of the pictures, if known.
 *  Returns {names, limbs or undefined, pictures: [Map]}. */
export function readPoseFiles(files, openposeNames, size) {
    const sorted = [...files].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    const parts = sorted.map(({ name, text }) => {
        try {
            const form = JSON.parse(text);
            if (form?.annotations && form?.images) return readCoco(form, openposeNames);
            return readOpenPose(form, openposeNames, size);
        } catch (problem) {
            throw new Error(`${name}: ${problem.message}`);
        }
    });
    if (parts.some((part) => part.names.join() !== parts[0].names.join()))
        throw new Error("The files have different names. Import one kind of file at a time.");
    return { ...parts[0], pictures: parts.flatMap((part) => part.pictures) };
}

function readCoco(form, openposeNames) {
    const category = form.categories?.find(({ keypoints }) => Array.isArray(keypoints) && keypoints.length > 0);
    if (!category) throw new Error("no category has keypoints. Choose a file of COCO keypoints.");
    const images = [...form.images];
    if (images.every(({ file_name: name }) => typeof name === "string"))
        images.sort((a, b) => (a.file_name < b.file_name ? -1 : 1));
    const pictures = images.map((image) => {
        if (!(image.width > 0 && image.height > 0)) throw new Error(`image ${image.id} has no width and height.`);
        const people = form.annotations.filter(({ image_id: of, keypoints }) => of === image.id && Array.isArray(keypoints));
        const largest = people.sort((a, b) => (b.area ?? 0) - (a.area ?? 0))[0];
        return toPoints(category.keypoints, largest?.keypoints ?? [], image.width, image.height, (v) => v > 1);
    });
    // The 17 joints of COCO people are OpenPose 18 without the neck.
    if (category.keypoints.every((name) => openposeNames.includes(name))) return { names: openposeNames, pictures };
    const limbs = (category.skeleton ?? []).map((limb) => limb.map((end) => end - 1));
    return { names: category.keypoints, limbs, pictures };
}

function readOpenPose(form, openposeNames, size) {
    const frames = Array.isArray(form) ? form : [form];
    const pictures = frames.map((frame) => {
        if (!Array.isArray(frame?.people)) throw new Error("neither COCO keypoints nor OpenPose: it has no 'people'.");
        const flat = frame.people[0]?.pose_keypoints_2d ?? [];
        const inParts = flat.every((value) => Math.abs(value) <= LARGEST_PART);
        const width = inParts ? 1 : frame.canvas_width ?? size?.width;
        const height = inParts ? 1 : frame.canvas_height ?? size?.height;
        if (!(width > 0 && height > 0))
            throw new Error("it does not say how large its picture is. Show the pictures first, then import again.");
        const joints = flat.length === 3 * BODY_25 ? BODY_25_TO_18.flatMap((i) => flat.slice(3 * i, 3 * i + 3)) : flat;
        return toPoints(openposeNames, joints, width, height, () => true);
    });
    return { names: openposeNames, pictures };
}

/** x, y, v triples in pixels to points; those without a label (v = 0) and those outside the picture are left out. */
function toPoints(names, triples, width, height, isVisible) {
    const points = new Map();
    names.forEach((name, k) => {
        const [x, y, v] = [triples[3 * k] / width, triples[3 * k + 1] / height, triples[3 * k + 2]];
        if (v > 0 && x >= 0 && x <= 1 && y >= 0 && y <= 1) points.set(name, { x, y, visible: isVisible(v) });
    });
    return points;
}

/** All pictures as COCO keypoints: v is 2 for visible, 1 for hidden, 0 for not labelled. */
export function writeCoco({ names, limbs, pictures }, { width, height }) {
    const annotations = pictures.flatMap((points, i) => {
        if (points.size === 0) return [];
        const keypoints = names.flatMap((name) => {
            const point = points.get(name);
            return point ? [point.x * width, point.y * height, point.visible ? 2 : 1] : [0, 0, 0];
        });
        const xs = [...points.values()].map(({ x }) => x * width);
        const ys = [...points.values()].map(({ y }) => y * height);
        const [left, top] = [Math.min(...xs), Math.min(...ys)];
        const [w, h] = [Math.max(...xs) - left, Math.max(...ys) - top];
        return [{
            id: i + 1, image_id: i + 1, category_id: 1, iscrowd: 0, keypoints, num_keypoints: points.size,
            bbox: [left, top, w, h], area: w * h,
        }];
    });
    const images = pictures.map((_, i) => ({
        id: i + 1, file_name: `picture_${String(i + 1).padStart(5, "0")}.png`, width, height,
    }));
    const skeleton = limbs.map((limb) => limb.map((end) => end + 1));
    const categories = [{ id: 1, name: "labels", supercategory: "", keypoints: names, skeleton }];
    return JSON.stringify({ images, annotations, categories });
}

/** All pictures as OpenPose frames, with the names of OpenPose 18. Such files do not say what is hidden. */
export function writeOpenPose({ pictures }, openposeNames, { width, height }) {
    return JSON.stringify(pictures.map((points) => {
        const flat = openposeNames.flatMap((name) => {
            const point = points.get(name);
            return point ? [point.x * width, point.y * height, 1] : [0, 0, 0];
        });
        const people = points.size === 0 ? [] : [{
            pose_keypoints_2d: flat, face_keypoints_2d: [], hand_left_keypoints_2d: [], hand_right_keypoints_2d: [],
        }];
        return { version: 1.3, people, canvas_width: width, canvas_height: height };
    }));
}
