export { type Candidate, type SearchRequest, type SearchResult, search } from "./search.ts";
