/** placeholder */
export { bestAssignment } from './assignment.js';
