import { formatServedCost, measureServedCost } from './served-cost.js';

// Warms the compiler up once, then measures.
await measureServedCost(200);
console.log(formatServedCost(await measureServedCost(2000)));
