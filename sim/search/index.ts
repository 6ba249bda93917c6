export {
  type Candidate,
  firstPoints,
  type Planned,
  type SearchRequest,
  type SearchResult,
  search,
  simulatePoints,
} from "./search.ts";
export type { Point } from "./space.ts";
