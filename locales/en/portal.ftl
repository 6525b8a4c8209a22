# The portal's texts. Every other language has the same names with the same parts; what it lacks is said in English.

language = Language
error-title = Error: { $title }
start-page = Go to the start page

## Where a device stands

heading-stranger = We cannot see your device
heading-blocked = This device is blocked
heading-online = You are online
heading-paused = Your access is paused
heading-ready = Your access is ready
heading-used-up = Your access has ended
heading-new = Welcome
heading-closed = Closed now
stranger = This page is for devices that are joined to this network. Please join the Wi-Fi, wait a moment, then try again.
try-again = Try again
blocked = It cannot use this network. If you think that this is a mistake, please ask the staff.
pause = Pause
while-paused = While paused, nothing is used up. You can go on at any time.
while-paused-days-go-on = While paused, no time or data is used up. The time within which you can use it still passes.
connect = Connect
get-more = Get more
go-on = Go on
ask-the-staff = To go online, please ask the staff.
no-voucher-yet = No voucher yet? Please ask the staff.
welcome-choose = Choose how to go online.
go-on-with = You can go on with one of these:
soon-time = Less than { $time } left.
soon-data = Less than { $data } left.
soon-closes = We close { $when }. What you have left is kept.
closed-until = We are closed now. Open again { $when }.
offline = This network has no Internet connection just now.
offline-time-goes-on = Your time goes on while you are online. Pause to keep what you have.
offline-nothing-used = Nothing is used up meanwhile.
offline-days-go-on = No time or data is used up meanwhile. The time within which you can use it still passes.
dismiss = Dismiss
please-choose = Please choose
terms = Terms of use
terms-accept = I accept the terms of use
terms-read = Read them
terms-missing = Please accept the terms of use.
loads-itself = { $count ->
    [one] This page loads itself again every second.
   *[other] This page loads itself again every { $count } seconds.
}
stop-that = Stop that

## A session

time-left = Time left
data-left = Data left
of-whole = of { $whole }
no-limit = No limit
more-sessions = { $count ->
    [one] 1 more session is waiting for you
   *[other] { $count } more sessions are waiting for you
}
other-paused = { $left } left, paused
other-new = { $left }, not used yet
use-this = Use this now
speed = Up to { $speed }
speed-down = Up to { $down } down
speed-up = Up to { $up } up
speed-both = Up to { $down } down, { $up } up
mbps = { $number } Mbit/s
can-be-used-for = Can be used for another { $time }
can-be-used-from = { $count ->
    [one] Can be used for 1 day from the first connect
   *[other] Can be used for { $count } days from the first connect
}
ended-used-up = You have used it up.
ended-expired = Its days are over.
ended-time = The time is used up.
ended-data = The data is used up.
ended-staff = The staff ended it.
ended-revoked = Its voucher was withdrawn.
ended-moved = It was moved to another device.
used-of = { $used } of { $whole } used

## A new address of an old device

welcome-back = Welcome back
left-from-earlier = You have { $left } left from your earlier visit.
left-and-more = { $count ->
    [one] You have { $left }, and 1 more session, left from your earlier visit.
   *[other] You have { $left }, and { $count } more sessions, left from your earlier visit.
}
left-both = { $first } and { $second }
left-without-limit = access without a limit
bring-over = Bring it over
recovery-have = I have a recovery code
recovery-enter = Were you here before with this phone? Enter the code that its page showed then.
recovery-code = Recovery code
recovery-keep = If your phone changes, enter this code:
recovery-missing = Please enter your recovery code.
recovery-too-long = This is too long for a code.
recovery-letters = The code has characters that cannot be used here.
nothing-to-bring = There is nothing left to be brought over.
was-brought = It has been brought over.

## Times and amounts

days-and-clock = { $count ->
    [one] 1 day { $clock }
   *[other] { $count } days { $clock }
}
days = { $count ->
    [one] 1 day
   *[other] { $count } days
}
hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
seconds = { $count ->
    [one] 1 second
   *[other] { $count } seconds
}
two-units = { $first } { $second }
no-time = no time
just-now = just now
minutes-ago = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
}
hours-ago = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
}
days-ago = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
}
short-days = { $count } d
short-hours = { $count } h
short-minutes = { $count } min
short-seconds = { $count } s
kilobytes = { $number } kB
megabytes = { $number } MB
gigabytes = { $number } GB
under-a-kilobyte = under 1 kB
or = { $first } or { $second }
when-later = later
when-today = at { $time }
when-tomorrow = tomorrow at { $time }
when-weekday = on { $day } at { $time }
when-on = on { $day } { $month } at { $time }
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

## What does not work

code-unknown = We do not know this code. Please check it and try again.
code-used = This code has been used already.
code-revoked = This code has been withdrawn.
code-not-yet = This code cannot be used yet.
code-too-late = This code cannot be used any more.
code-too-many = Too many wrong codes. Please wait { $time } and try again.
voucher-accepted = Your voucher was accepted.
device-blocked = This device is blocked. Please ask the staff.
not-on-sale = This is not on sale any more. Please choose another.
not-offered = This is not offered any more. Please choose another way in.
used-for-now = You have used this up for now.
claimed = This has been claimed already.
recovery-unknown = We do not know this code, or nothing is left on it. Please check it and try again.
moved-too-often = This has been moved too often today. Please ask the staff.
same-device = This is the same device.
nothing-left = There is nothing left to connect with.
device-unseen = We cannot see your device on this network.
too-many-online = Too many devices are online. Please try again later.
not-ready = We are not ready yet. Please try again in a moment.
went-wrong = Something went wrong here. Please try again.
form-too-much = This is too much for the form.
form-unreadable = The form could not be read. Please try again.
form-too-many = The form has too many fields. Please load the page again.
form-unknown-field = The form has a field that is not known here. Please load the page again.
heading-done = Done
heading-failed = That did not work
heading-moment = One moment, please
heading-wrong-method = That does not work here
wrong-method = This page cannot be used in this way.
heading-missing = There is no such page
missing = The address may be mistyped or out of date.
heading-foreign = That did not come from here
foreign = Another page tried to send this form. Nothing was changed.
heading-slow = This took too long
slow = Please go back and try again.

## What the ways in say

voucher-title = Voucher
voucher-text = Enter the code of your voucher.
voucher-code = Voucher code
voucher-button = Use voucher
account-log-in = Log in
account-name = User name
account-password = Password
account-log-out = Log out
account-is = You are logged in as { $name }.
account-out = You are logged out.
account-unknown = We do not know this name and password. Please check both and try again.
account-busy = Many people are logging in just now. Please try again in a moment.
account-too-many = Too many wrong tries. Please wait { $time } and try again.
account-on-another = This account is in use on another device already. Please log out there first.
account-on-many = This account is in use on { $count } devices already. Please log out there first.
account-elsewhere = What this account has is in use on another device. Please log out there first.
account-changed = Something was just changed. Please try again in a moment.
account-nothing = Nothing is left on this account. Please ask the staff.
account-later = This is used up for now. There is more { $when }.
account-gone = This account is not there any more. Please ask the staff.
account-full = This account is in use on as many devices as it may be. Log out on one of them first.
account-disabled = This account has been disabled. Please ask the staff.
account-expired = This account has expired. Please ask the staff.
free-title = Free access
free-button = Connect for free
free-name = Your name
free-email = Your e-mail address
free-phone = Your telephone number
free-terms = I accept the terms of use
free-terms-at = I accept the terms of use: { $url }
free-later = You have used this up for now. There is more { $when }.
free-today = Free today: { $grant }
free-this-week = Free this week: { $grant }
free-this-month = Free this month: { $grant }
sign-in-silent = Sign-in cannot be checked just now. Please try again in a moment.
not-here = This cannot be done here.
coin-title = Coins
coin-button = Insert coins
coin-prices = { $prices }
coin-what = What for
coin-time = Time
coin-data = Data
coin-both = Time and data
coin-insert = Insert coins now. Each coin starts the countdown anew.
coin-so-far = { $money } so far: { $grant }. Insert more, or press Done.
coin-so-far-rest = { $money } so far: { $grant }. { $rest } are kept for your next visit. Insert more, or press Done.
coin-not-enough = { $money } so far. Insert more: this is not enough yet.
coin-done = Done
coin-cancel = Cancel
coin-credit = You have { $money } of credit here: { $grant }.
coin-use = Use it
coin-kept = Your { $money } are kept for your next visit.
coin-noted = Your money is noted. Please try again.
coin-noted-as = { $why } Your money is noted as credit.
coin-not-now = You cannot be let through now.
coin-wait = Somebody else is at the slot. Please wait.
coin-place = Somebody else is at the slot. You are number { $place } in line.
coin-asking = Too many are asking. Please try again.
coin-line-full = Too many are waiting for the slot. Please try again later.
coin-trouble = The slot cannot be used now. Please try again in a moment.
no-button = There is no such button.
form-tick = Please tick: { $label }
form-fill = Please fill in: { $label }
form-too-long = { $label }: this is too long.
form-wrong = { $label }: this cannot be right.
form-twice = { $label }: this was sent twice.
form-letters = { $label }: this has characters that cannot be used here.
