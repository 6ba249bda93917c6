import { METHODS } from "../../plan/schedule/schedule.ts";
import { listPresets } from "../../plan/topology/presets.ts";
import { models } from "../../plan/workload/models.ts";
import type { WorkloadOptions } from "../../plan/workload/make-workload.ts";
import type { EngineError } from "../engine/protocol.ts";
import type { ExplorerState, MethodChoice, TopologyChoice } from "../state/explorer-state.ts";
import { SAVED_TOPOLOGY } from "../results/plan-command.ts";
import { ChoiceField, NumberField, TextField } from "./fields.tsx";
import { saveFile } from "../save-file.ts";
import type { Store } from "./store.ts";

/** The cluster, the workload and what of the plans is asked for: every change is planned at once. */
export function Controls({ store }: { readonly store: Store }) {
  const { topology, workload, plan } = store.state.value;
  const error = store.rankingError.value;
  const setTopology = (patch: Partial<TopologyChoice>) =>
    store.updatePlan({ topology: { ...store.state.peek().topology, ...patch } });
  const setWorkload = (next: WorkloadOptions) => store.updatePlan({ workload: next });
  const setPlan = (patch: Partial<MethodChoice>) =>
    store.updatePlan({ plan: { ...store.state.peek().plan, ...patch } });
  return (
    <form class="shell-controls" aria-label="Cluster and model" onSubmit={(event) => event.preventDefault()}>
      <ClusterFields topology={topology} set={setTopology} store={store} />
      <WorkloadFields workload={workload} set={setWorkload} />
      <fieldset>
        <legend>Plan</legend>
        <ChoiceField
          label="Method"
          value={plan.method}
          choices={[["auto", "search all"], ...METHODS.map((name) => [name, name] as const)]}
          onValue={(method) => setPlan({ method: method as MethodChoice["method"] })}
        />
        <ChoiceField
          label="Transport"
          value={plan.transport}
          choices={[
            ["auto", "search both"],
            ["one-sided", "one-sided"],
            ["two-sided", "two-sided"],
          ]}
          onValue={(transport) => setPlan({ transport: transport as MethodChoice["transport"] })}
        />
        <NumberField
          label="Ranks"
          hint="as many of every machine; empty for all"
          value={plan.ranks}
          least={1}
          isWhole
          onValue={(ranks) => setPlan({ ranks })}
        />
      </fieldset>
      <ErrorBox error={error} />
    </form>
  );
}

interface ClusterProps {
  readonly topology: ExplorerState["topology"];
  readonly set: (patch: Partial<TopologyChoice>) => void;
  readonly store: Store;
}

function ClusterFields({ topology, set, store }: ClusterProps) {
  const { file, preset, machines, device, nvlink, inter, links } = topology;
  const choices = listPresets().map(({ name, summary }) => [name, `${name}: ${summary}`] as const);
  const own = file === null ? [] : [["", file.name] as const];
  return (
    <fieldset>
      <legend>Cluster</legend>
      <ChoiceField
        label="Machine"
        value={preset ?? ""}
        choices={[...own, ...choices]}
        onValue={(name) => {
          if (name !== "") set({ preset: name, file: null, device: null, nvlink: null, inter: null, links: [] });
        }}
      />
      <NumberField
        label="Machines"
        value={machines}
        least={1}
        most={64}
        isWhole
        onValue={(count) => set({ machines: count ?? 1 })}
      />
      <NumberField
        label="NICs of a machine"
        unit="Gb/s"
        hint="together; empty as the cluster has it"
        value={inter}
        least={0.001}
        onValue={(value) => set({ inter: value })}
      />
      <NumberField
        label="NVLink of a GPU"
        unit="GB/s"
        hint="each direction; empty as the cluster has it"
        value={nvlink}
        least={0.001}
        onValue={(value) => set({ nvlink: value })}
      />
      <TextField
        label="GPU"
        hint="where a dump does not say: A100, H100, L40S…"
        value={device}
        onValue={(value) => set({ device: value })}
      />
      {links.length > 0 && (
        <p class="shell-note">
          {links.length} {links.length === 1 ? "link has" : "links have"} a rate of your own.{" "}
          <button type="button" onClick={() => set({ links: [] })}>
            Reset links
          </button>
        </p>
      )}
      <button
        type="button"
        disabled={store.topology.value === null}
        onClick={() => {
          const json = JSON.stringify(store.topology.value, null, 1);
          saveFile(SAVED_TOPOLOGY, new Blob([json], { type: "application/json" }));
        }}
      >
        Save topology
      </button>
      <label class="shell-file">
        <span>Open a topology or trace, or drop it anywhere</span>
        <input
          type="file"
          multiple
          onChange={(event) => {
            void store.openFiles([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      </label>
      <ErrorBox error={store.fileError.value} />
    </fieldset>
  );
}

interface WorkloadProps {
  readonly workload: WorkloadOptions;
  readonly set: (next: WorkloadOptions) => void;
}

/** Common sizes of models of each medium; any other is typed. */
const usualSizes = { image: "1024x1024", video: "1280x720x81" } as const;

function WorkloadFields({ workload, set }: WorkloadProps) {
  const model = models.find(({ name }) => name === workload.model);
  const patch = (part: WorkloadOptions) => set(withoutEmpty({ ...workload, ...part }));
  const media = model?.media;
  return (
    <fieldset>
      <legend>Workload</legend>
      <ChoiceField
        label="Model"
        value={workload.model ?? ""}
        choices={[["", "a free shape"], ...models.map(({ name }) => [name, name] as const)]}
        onValue={(name) => set(workloadOfModel(name))}
      />
      {media !== undefined && (
        <TextField
          label={media === "image" ? "Image" : "Video"}
          hint={media === "image" ? "width x height" : "width x height x frames"}
          value={workload[media] ?? null}
          onValue={(size) =>
            patch({ image: undefined, video: undefined, tokens: undefined, [media]: size ?? undefined })
          }
        />
      )}
      <NumberField
        label="Tokens"
        hint={media === undefined ? "sequence length" : `in place of the ${media}`}
        value={workload.tokens ?? null}
        least={1}
        isWhole
        onValue={(tokens) => {
          const size = media === undefined || tokens !== null ? {} : { [media]: usualSizes[media] };
          patch({ image: undefined, video: undefined, ...size, tokens: tokens ?? undefined });
        }}
      />
      {model === undefined && (
        <>
          <NumberField
            label="Heads"
            value={workload.heads ?? null}
            least={1}
            isWhole
            onValue={(heads) => patch({ heads: heads ?? undefined })}
          />
          <NumberField
            label="Head size"
            value={workload.headDim ?? null}
            least={1}
            isWhole
            onValue={(headDim) => patch({ headDim: headDim ?? undefined })}
          />
        </>
      )}
      <details>
        <summary>More of the workload</summary>
        <NumberField
          label="Batch"
          value={workload.batch ?? null}
          least={1}
          isWhole
          onValue={(batch) => patch({ batch: batch ?? undefined })}
        />
        <ChoiceField
          label="Type"
          value={workload.dtype ?? "bf16"}
          choices={["bf16", "fp16", "fp32"].map((name) => [name, name] as const)}
          onValue={(dtype) => patch({ dtype })}
        />
        <ChoiceField
          label="Mask"
          value={workload.mask ?? "full"}
          choices={["full", "causal"].map((name) => [name, name] as const)}
          onValue={(mask) => patch({ mask })}
        />
        <ChoiceField
          label="Scope"
          value={workload.scope ?? "attention"}
          choices={["attention", "layer", "step"].map((name) => [name, name] as const)}
          onValue={(scope) => patch({ scope })}
        />
        <ChoiceField
          label="Guidance"
          value={workload.guidance ?? "none"}
          choices={["none", "batch", "split"].map((name) => [name, name] as const)}
          onValue={(guidance) => patch({ guidance })}
        />
      </details>
    </fieldset>
  );
}

function workloadOfModel(name: string): WorkloadOptions {
  const model = models.find((one) => one.name === name);
  if (model === undefined) return { tokens: 32_768, heads: 24, headDim: 128 };
  return { model: name, [model.media]: model.usualSize };
}

function withoutEmpty(options: WorkloadOptions): WorkloadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** What is wrong and what would be right; nothing where nothing is. */
export function ErrorBox({ error }: { readonly error: EngineError | null }) {
  return (
    <div role="alert" class="shell-errors">
      {error !== null && (
        <p class="shell-error">
          <strong>{error.path === null ? "" : `${error.path}: `}</strong>
          {error.message}
          {error.hint !== null && <span class="shell-hint"> {error.hint}</span>}
        </p>
      )}
    </div>
  );
}
