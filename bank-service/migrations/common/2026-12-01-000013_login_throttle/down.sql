DROP TABLE known_networks;
DROP TABLE login_devices;
DROP TABLE counters;
