-- SPDX-License-Identifier: Apache-2.0
-- What the codes in trips mean; numbers as in the TLC's data dictionaries of yellow and green taxis.
INSERT INTO trip_status (status) VALUES ('Booked'), ('InProgress'), ('Completed'), ('Processed');

INSERT INTO cab_types (cab_type_id, cab_type) VALUES (1, 'yellow'), (2, 'green');

INSERT INTO rate_codes (rate_code, description) VALUES
    (1, 'Standard rate'), (2, 'JFK'), (3, 'Newark'), (4, 'Nassau or Westchester'), (5, 'Negotiated fare'),
    (6, 'Group ride');

INSERT INTO payment_types (payment_type, description) VALUES
    (1, 'Credit card'), (2, 'Cash'), (3, 'No charge'), (4, 'Dispute'), (5, 'Unknown'), (6, 'Voided trip');
