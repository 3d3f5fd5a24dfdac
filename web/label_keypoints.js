// Label Keypoints in the front end: the annotator as a widget of its node, in both renderers, and its pictures.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { Editor } from "./labels/editor.js";

const NODE = "KeypointsLabel";
const WIDGET = "KEYPOINT_LABELS"; // also named in nodes/label_keypoints.py
const LEAST_HEIGHT = 330;
const FIRST_SIZE = [620, 560];

app.registerExtension({
    name: "AttentionKeypoints.LabelKeypoints",

    getCustomWidgets() {
        return { [WIDGET]: (node, name, [, options]) => ({ widget: addEditor(node, name, options) }) };
    },

    nodeCreated(node) {
        if (node.constructor.comfyClass !== NODE) return;
        node.setSize([Math.max(node.size[0], FIRST_SIZE[0]), Math.max(node.size[1], FIRST_SIZE[1])]);
    },

    // After a run, and when the outputs of a graph come back with its tab.
    onNodeOutputsUpdated(outputs) {
        for (const [locator, output] of Object.entries(outputs)) {
            const [, subgraph, id] = locator.match(/^(?:(.*):)?(.*)$/); // "7", or "<id of a subgraph>:7"
            const graph = subgraph ? app.rootGraph.subgraphs?.get(subgraph) : app.rootGraph;
            graph?.getNodeById(id)?.keypointEditor?.showOutput(output);
        }
    },
});

function addEditor(node, name, { skeletons, colours }) {
    const editor = new Editor({
        skeletons,
        colours,
        onChange(text) {
            widget.callback?.(text);
            // What other changes of a graph do: the host notes a step and that there is something to save.
            app.canvas?.emitBeforeChange?.();
            app.canvas?.emitAfterChange?.();
        },
        onShow() {
            app.canvas.selectNode(node);
            app.extensionManager.command.execute("Comfy.QueueSelectedOutputNodes");
        },
        onWheel(event) {
            if (LiteGraph.vueNodesMode) return; // there the node itself hands it on to the graph
            event.preventDefault();
            app.canvas.processMouseWheel(event);
        },
    });
    const widget = node.addDOMWidget(name, WIDGET, editor.root, {
        getValue: () => editor.text,
        setValue: (text) => { editor.text = String(text ?? ""); },
        getMinHeight: () => LEAST_HEIGHT,
        hideOnZoom: false,
        socketless: true, // the host looks for it here
    });
    followPictures(node, editor);
    return widget;
}

/** Show the pictures of the last run, or, before one, that of a Load Image in front of the node. */
function followPictures(node, editor) {
    let ranOn = null; // what was connected at the last run
    const lookAgain = () => {
        const loaded = loadedPicture(node);
        if (loaded && loaded.key !== ranOn && loaded.url !== editor.urls[0]) editor.show([loaded.url]);
    };
    node.keypointEditor = {
        /** problem: "" for the outputs of an earlier run, after which the labels may have changed. */
        showOutput({ label_pictures: pictures }, problem = "") {
            if (!pictures) return;
            ranOn = loadedPicture(node)?.key;
            editor.show(pictures.map(viewUrl), problem);
        },
    };
    const executed = node.onExecuted;
    node.onExecuted = function (output) {
        executed?.call(this, output);
        node.keypointEditor.showOutput(output, output.label_problem?.[0]);
    };
    const connected = node.onConnectionsChange;
    node.onConnectionsChange = function (...change) {
        connected?.apply(this, change);
        setTimeout(lookAgain); // the links of a graph that loads come before its nodes' values
    };
    editor.root.addEventListener("pointerenter", lookAgain); // another file may have been chosen meanwhile
    setTimeout(() => {
        // The graph's own undo makes all nodes anew; what they showed is still there.
        const output = node.graph && app.nodeOutputs?.[locatorOf(node)];
        if (output && editor.urls.length === 0) node.keypointEditor.showOutput(output);
    });
}

function locatorOf(node) {
    return node.graph === app.rootGraph ? String(node.id) : `${node.graph.id}:${node.id}`;
}

/** {key, url} of the file that a Load Image in front of the node has chosen, or undefined. */
function loadedPicture(node) {
    const slot = node.inputs?.findIndex(({ name }) => name === "image") ?? -1;
    const source = slot >= 0 ? node.getInputNode?.(slot) : null;
    const file = source?.type === "LoadImage" && source.widgets?.find(({ name }) => name === "image")?.value;
    if (typeof file !== "string" || file === "") return undefined;
    const [, path, type = "input"] = file.match(/^(.*?)(?: \[(input|output|temp)\])?$/);
    const cut = path.lastIndexOf("/");
    const url = viewUrl({ filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(0, cut)), type });
    return { key: `${source.id} ${file}`, url };
}

function viewUrl({ filename, subfolder, type }) {
    return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}
