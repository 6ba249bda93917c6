import { render } from "preact";
import { decodeFirstPicture, FIRST_PICTURE_FILE, type FirstPicture, firstPlanState } from "./engine/first-picture.ts";
import { App } from "./shell/app.tsx";
import { followLink } from "./shell/link.ts";
import { Store } from "./shell/store.ts";
import { followTheme } from "./shell/theme.ts";
import "./theme/theme.css";

/** What is known of the default plan; null where something else is asked for, or the file is not there. */
async function loadFirstPicture({ planState }: Store): Promise<FirstPicture | null> {
  if (JSON.stringify(planState.value) !== JSON.stringify(firstPlanState)) return null;
  const response = await fetch(FIRST_PICTURE_FILE).catch(() => null);
  return response?.ok === true ? decodeFirstPicture(await response.text()) : null;
}

followTheme();
const store = new Store();
const ignored = await followLink(store);
if (ignored.length > 0) store.status.value = `the link says something of its own about ${ignored.join(", ")}: left out`;
store.start(await loadFirstPicture(store));
render(<App store={store} />, document.getElementById("app")!);
