import { pyEquals } from '../../bfcl/python/compare.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import type { PyValue } from '../../bfcl/python/value.js';
import { lower } from '../python-operations.js';
import type { TauTool } from '../tool.js';

const NOT_FOUND = 'Error: user not found';

/** `find_user_id_by_email`: case does not matter, the first user in file order wins. */
export const findUserIdByEmail: TauTool = {
  parameters: ['email'],
  run(database, email) {
    for (const [id, user] of database.records('users')) {
      if (lower(itemAt(user, 'email')) === lower(email as PyValue)) return id;
    }
    return NOT_FOUND;
  },
};

/** `find_user_id_by_name_zip`: names in any case, the zip code exactly, of the user's address as it is now. */
export const findUserIdByNameZip: TauTool = {
  parameters: ['first_name', 'last_name', 'zip'],
  run(database, firstName, lastName, zip) {
    for (const [id, user] of database.records('users')) {
      const name = itemAt(user, 'name');
      const isMatch =
        lower(itemAt(name, 'first_name')) === lower(firstName as PyValue) &&
        lower(itemAt(name, 'last_name')) === lower(lastName as PyValue) &&
        pyEquals(itemAt(itemAt(user, 'address'), 'zip'), zip as PyValue);
      if (isMatch) return id;
    }
    return NOT_FOUND;
  },
};
