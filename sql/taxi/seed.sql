-- SPDX-License-Identifier: Apache-2.0
-- A hundred riders (71400 to 71499) and twenty drivers (102001 to 102020) to play with. Can be run again.
INSERT INTO riders (rider_id, rider_name, rider_email, rider_mobile)
SELECT id, 'person' || id, 'person' || id || '@example.com', '+114921' || lpad((id * 37 % 100000)::text, 5, '0')
FROM generate_series(71400, 71499) AS id
ON CONFLICT DO NOTHING;

INSERT INTO drivers (driver_id, driver_name, driver_email, driver_mobile, vehicle_id, cab_type_id, vendor_id, payment_method)
SELECT id, 'driver' || id, 'driver' || id || '@taxi.example.com', '+166902' || lpad((id * 53 % 100000)::text, 5, '0'),
       'TX' || lpad((id * 7919 % 1000000)::text, 6, '0'), 1 + id % 2, 1 + id % 2,
       (ARRAY['bank transfer', 'debit card', 'wallet', 'cheque'])[1 + id % 4]
FROM generate_series(102001, 102020) AS id
ON CONFLICT DO NOTHING;
