package infomentor

// InfoMentor knows a pupil by several numbers that have nothing to do with
// each other. Where one was used in another's place the platform answered
// without an error about the wrong child, so each is a type of its own. There
// is a fifth, of class lists, which are never read.
type (
	// pupilID is the account pupil id, ten digits; it names the child in
	// homeData and is the child's Ref.
	pupilID string
	// switchID is the user-role id of the phone's list, by which a pupil is
	// selected.
	switchID int64
	// im2ID stands in notifications and in the data of modules.
	im2ID int64
	// mappingID is "<school>|<pupilID>|NEMANDI_SKOLI", which notifications
	// call pupilSourceId.
	mappingID string
)

// userID is the id of the guardian's own account.
type userID string
