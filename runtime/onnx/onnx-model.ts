import protobuf from "protobufjs";
import onnxProto from "../../third_party/onnx/onnx.proto";

/** A number is fixed, a name stands for a size that is known when the model runs. */
export type Dimension = number | string;
/** A number is an integer; floats say so. */
export type Attributes = Readonly<Record<string, number | { readonly float: number } | readonly number[]>>;

/** A model under construction; values are named, and every method that adds one returns its name. */
export interface ModelBuilder {
  /** A float32 tensor that is fed. */
  input(name: string, dimensions: readonly Dimension[]): string;
  /** The result of an operator; operators of com.microsoft are written `com.microsoft.NAME`. */
  node(operator: string, inputs: readonly string[], attributes?: Attributes): string;
  /** A constant, int64. */
  integers(values: readonly number[]): string;
  /** Gives the result of an operator the name by which it is fetched. */
  output(name: string, value: string, dimensions: readonly Dimension[]): void;
  /**
   * Has values computed in the reverse order of these calls. onnxruntime goes from the last node without successors
   * depth first to what it needs, so each gets a cheap successor, its shape, whose name is an output that nobody fetches.
   */
  anchor(value: string): void;
  /** The serialized `ModelProto`. */
  finish(): Uint8Array;
}

/** A model to be built on demand; equal names stand for equal models. */
export interface NamedModel {
  readonly name: string;
  readonly build: () => Uint8Array;
}

/** Codes of `AttributeProto.AttributeType` and `TensorProto.DataType` in onnx.proto. */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;
const FLOAT = 1;
const INT64 = 7;

const MICROSOFT = "com.microsoft";
const IR_VERSION = 8;
const OPERATOR_SETS = [
  { domain: "", version: 17 },
  { domain: MICROSOFT, version: 1 },
];

let modelType: protobuf.Type | undefined;

function lookUpModelType(): protobuf.Type {
  modelType ??= protobuf.parse(onnxProto, { keepCase: true }).root.lookupType("onnx.ModelProto");
  return modelType;
}

/** Starts an ONNX model (https://onnx.ai/onnx/intro/concepts.html), operator set 17. */
export function createModel(name: string): ModelBuilder {
  const nodes: { op_type: string; domain: string; input: string[]; output: string[]; attribute: object[] }[] = [];
  const inputs: object[] = [];
  const outputs: object[] = [];
  const constants: object[] = [];
  const renamed = new Map<string, string>();
  const nameOf = (value: string) => renamed.get(value) ?? value;
  let numValues = 0;

  return {
    input(value, dimensions) {
      inputs.push(valueInfo(value, dimensions));
      return value;
    },
    node(operator, from, attributes = {}) {
      const value = `x${numValues++}`;
      nodes.push({
        ...operatorName(operator),
        input: [...from],
        output: [value],
        attribute: attributeProtos(attributes),
      });
      return value;
    },
    integers(values) {
      const value = `c${constants.length}`;
      const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      constants.push({ name: value, dims: [values.length], data_type: INT64, raw_data: raw });
      return value;
    },
    output(value, from, dimensions) {
      renamed.set(from, value);
      outputs.push(valueInfo(value, dimensions));
    },
    anchor(value) {
      const output = `x${numValues++}`;
      nodes.push({ op_type: "Shape", domain: "", input: [value], output: [output], attribute: [] });
      outputs.push(valueInfo(output, ["rank"], INT64));
    },
    finish() {
      for (const node of nodes) {
        node.input = node.input.map(nameOf);
        node.output = node.output.map(nameOf);
      }
      const graph = { name, node: nodes, input: inputs, output: outputs, initializer: constants };
      const type = lookUpModelType();
      return type.encode(type.fromObject({ ir_version: IR_VERSION, opset_import: OPERATOR_SETS, graph })).finish();
    },
  };
}

function operatorName(operator: string): { op_type: string; domain: string } {
  return operator.startsWith(`${MICROSOFT}.`)
    ? { op_type: operator.slice(MICROSOFT.length + 1), domain: MICROSOFT }
    : { op_type: operator, domain: "" };
}

function attributeProtos(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([name, value]) => {
    if (typeof value === "number") return { name, type: ATTRIBUTE_INT, i: value };
    if ("float" in value) return { name, type: ATTRIBUTE_FLOAT, f: value.float };
    return { name, type: ATTRIBUTE_INTS, ints: [...value] };
  });
}

function valueInfo(name: string, dimensions: readonly Dimension[], type = FLOAT): object {
  const dim = dimensions.map((size) => (typeof size === "number" ? { dim_value: size } : { dim_param: size }));
  return { name, type: { tensor_type: { elem_type: type, shape: { dim } } } };
}
