import { formatEnvironmentCost, measureEnvironmentCost } from './environment-cost.js';

// Warms the compiler up on everything once, then measures.
measureEnvironmentCost(30);
console.log(formatEnvironmentCost(measureEnvironmentCost(200)));
