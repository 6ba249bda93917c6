export { type Candidate, type SearchRequest, type SearchResult, type SearchSummary, search } from "./search.ts";
