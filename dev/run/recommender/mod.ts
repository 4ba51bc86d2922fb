export { type Faults, noFaults, readFaults } from "./faults.ts";
export { createRecommender, type DevRecommender } from "./recommender.ts";
