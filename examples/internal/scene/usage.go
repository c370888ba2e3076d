package scene

// Variables describes the variables of every bot among the examples, for its usage.
const Variables = `
  QUEUP_EMAIL     the name or the mail address of the bot's account
  QUEUP_PASSWORD  its password
  QUEUP_ROOM      the last part of the room's address
  QUEUP_URL       another QueUp, such as that of go run ./tools/queupd
`
