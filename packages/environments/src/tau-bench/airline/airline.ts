import { pyJson, pyStr } from '../../bfcl/python/render.js';
import { PyDict, type PyValue } from '../../bfcl/python/value.js';
import { commonTools, printRecord } from '../common-tools.js';
import type { TauDomain } from '../domain.js';
import { dictAt } from '../python-operations.js';
import type { TauTool } from '../tool.js';
import { bookReservation } from './book-reservation.js';
import { searchDirectFlight, searchOnestopFlight } from './search-flights.js';
import {
  cancelReservation,
  updateReservationBaggages,
  updateReservationFlights,
  updateReservationPassengers,
} from './update-reservation.js';

const AIRPORTS = PyDict.of({
  SFO: 'San Francisco',
  JFK: 'New York',
  LAX: 'Los Angeles',
  ORD: 'Chicago',
  DFW: 'Dallas',
  DEN: 'Denver',
  SEA: 'Seattle',
  ATL: 'Atlanta',
  MIA: 'Miami',
  BOS: 'Boston',
  PHX: 'Phoenix',
  IAH: 'Houston',
  LAS: 'Las Vegas',
  MCO: 'Orlando',
  EWR: 'Newark',
  CLT: 'Charlotte',
  MSP: 'Minneapolis',
  DTW: 'Detroit',
  PHL: 'Philadelphia',
  LGA: 'LaGuardia',
});

/** Ids of the certificates that an episode can send: the reference expects three at most. */
const CERTIFICATES = ['certificate_3221322', 'certificate_3221323', 'certificate_3221324'];

/** `send_certificate`: returns nothing when all three are there already, which ends the episode in the reference. */
const sendCertificate: TauTool = {
  parameters: ['user_id', 'amount'],
  run(database, userId, amount) {
    const user = database.find('users', userId as PyValue);
    if (user === undefined) return 'Error: user not found';
    const id = CERTIFICATES.find((candidate) => !dictAt(user, 'payment_methods').has(candidate));
    if (id === undefined) return null;
    const methods = dictAt(database.writable('users', userId as string), 'payment_methods');
    methods.set(id, PyDict.of({ source: 'certificate', amount: amount as PyValue, id }));
    return `Certificate ${id} added to user ${userId} with amount ${pyStr(amount as PyValue)}.`;
  },
};

export const airline: TauDomain = {
  name: 'airline',
  tables: ['flights', 'reservations', 'users'],
  splits: ['test'],
  terminateTools: new Set(['transfer_to_human_agents']),
  tools: {
    ...commonTools,
    book_reservation: bookReservation,
    cancel_reservation: cancelReservation,
    // Sic: the reference speaks of a user here.
    get_reservation_details: printRecord('reservations', 'reservation_id', 'Error: user not found'),
    list_all_airports: { parameters: [], run: () => pyJson(AIRPORTS) },
    search_direct_flight: searchDirectFlight,
    search_onestop_flight: searchOnestopFlight,
    send_certificate: sendCertificate,
    update_reservation_baggages: updateReservationBaggages,
    update_reservation_flights: updateReservationFlights,
    update_reservation_passengers: updateReservationPassengers,
  },
};
