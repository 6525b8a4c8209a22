# Mga salita ng portal.

language = Wika
error-title = May mali: { $title }
start-page = Pumunta sa simula

## Kalagayan

heading-stranger = Hindi namin makita ang device mo
heading-blocked = Naka-block ang device na ito
heading-online = Online ka na
heading-paused = Naka-pause ang access mo
heading-ready = Handa na ang access mo
heading-used-up = Tapos na ang access mo
heading-new = Maligayang pagdating
heading-closed = Sarado ngayon
stranger = Para sa mga device na nakakonekta sa network na ito ang pahinang ito. Kumonekta sa Wi-Fi, maghintay sandali, at subukan ulit.
try-again = Subukan ulit
blocked = Hindi nito magagamit ang network na ito. Kung sa tingin mo ay mali ito, magtanong sa staff.
pause = I-pause
while-paused = Habang naka-pause, walang nababawas. Puwede kang magpatuloy anumang oras.
while-paused-days-go-on = Habang naka-pause, walang nababawas sa oras o data. Patuloy pa ring lumilipas ang panahong magagamit ito.
connect = Kumonekta
get-more = Magdagdag pa
go-on = Magpatuloy
ask-the-staff = Para mag-online, magtanong sa staff.
no-voucher-yet = Wala ka pang voucher? Magtanong sa staff.
welcome-choose = Piliin kung paano ka mag-o-online.
go-on-with = Puwede kang magpatuloy gamit ang isa sa mga ito:
soon-time = Wala nang { $time } ang natitira.
soon-data = Wala nang { $data } ang natitira.
soon-closes = Magsasara kami { $when }. Hindi mawawala ang natitira mo.
closed-until = Sarado kami ngayon. Bukas ulit { $when }.
offline = Walang koneksiyon sa Internet ang network na ito ngayon.
offline-time-goes-on = Tumatakbo ang oras mo habang online ka. Mag-pause para hindi ito mabawasan.
offline-nothing-used = Walang nababawas habang ganito.
offline-days-go-on = Walang nababawas sa oras o data habang ganito. Patuloy pa ring lumilipas ang panahong magagamit ito.
dismiss = Isara
please-choose = Pumili
terms = Mga tuntunin ng paggamit
terms-accept = Tinatanggap ko ang mga tuntunin ng paggamit
terms-read = Basahin
terms-missing = Pakitanggap ang mga tuntunin ng paggamit.
loads-itself = { $count ->
    [one] Kusang nagre-reload ang pahinang ito bawat { $count } segundo.
   *[other] Kusang nagre-reload ang pahinang ito bawat { $count } na segundo.
}
stop-that = Itigil iyon

## Session

time-left = Natitirang oras
data-left = Natitirang data
of-whole = sa { $whole }
no-limit = Walang limitasyon
more-sessions = { $count ->
    [one] May { $count } pang session na naghihintay sa iyo
   *[other] May { $count } pang session na naghihintay sa iyo
}
other-paused = { $left } ang natitira, naka-pause
other-new = { $left }, hindi pa nagagamit
use-this = Gamitin ito ngayon
speed = Hanggang { $speed }
speed-down = Hanggang { $down } pababa
speed-up = Hanggang { $up } pataas
speed-both = Hanggang { $down } pababa, { $up } pataas
mbps = { $number } Mbit/s
can-be-used-for = Magagamit pa nang { $time }
can-be-used-from = { $count ->
    [one] Magagamit nang { $count } araw mula sa unang pagkonekta
   *[other] Magagamit nang { $count } araw mula sa unang pagkonekta
}
ended-used-up = Naubos mo na ito.
ended-expired = Tapos na ang mga araw nito.
ended-time = Ubos na ang oras.
ended-data = Ubos na ang data.
ended-staff = Tinapos ito ng staff.
ended-revoked = Binawi ang voucher nito.
ended-moved = Inilipat ito sa ibang device.
used-of = { $used } sa { $whole } ang nagamit

## Dating device sa bagong address

welcome-back = Maligayang pagbabalik
left-from-earlier = May natitira kang { $left } mula sa dati mong pagbisita.
left-and-more = { $count ->
    [one] May natitira kang { $left } at { $count } pang session mula sa dati mong pagbisita.
   *[other] May natitira kang { $left } at { $count } pang session mula sa dati mong pagbisita.
}
left-both = { $first } at { $second }
left-without-limit = access na walang limitasyon
bring-over = Ilipat dito
recovery-have = May recovery code ako
recovery-enter = Nakapunta ka na ba rito gamit ang teleponong ito? Ilagay ang code na ipinakita noon ng pahina.
recovery-code = Recovery code
recovery-keep = Kung magpapalit ka ng telepono, ilagay ang code na ito:
recovery-missing = Ilagay ang recovery code mo.
recovery-too-long = Masyado itong mahaba para sa code.
recovery-letters = May mga karakter ang code na hindi magagamit dito.
nothing-to-bring = Wala nang maililipat.
was-brought = Nailipat na ito.

## Oras at dami

days-and-clock = { $count ->
    [one] { $count } araw { $clock }
   *[other] { $count } araw { $clock }
}
days = { $count ->
    [one] { $count } araw
   *[other] { $count } araw
}
hours = { $count ->
    [one] { $count } oras
   *[other] { $count } oras
}
minutes = { $count ->
    [one] { $count } minuto
   *[other] { $count } minuto
}
seconds = { $count ->
    [one] { $count } segundo
   *[other] { $count } segundo
}
two-units = { $first } at { $second }
no-time = walang oras
just-now = ngayon lang
minutes-ago = { $count ->
    [one] { $count } minuto ang nakalipas
   *[other] { $count } minuto ang nakalipas
}
hours-ago = { $count ->
    [one] { $count } oras ang nakalipas
   *[other] { $count } oras ang nakalipas
}
days-ago = { $count ->
    [one] { $count } araw ang nakalipas
   *[other] { $count } araw ang nakalipas
}
short-days = { $count } araw
short-hours = { $count } oras
short-minutes = { $count } min
short-seconds = { $count } seg
kilobytes = { $number } kB
megabytes = { $number } MB
gigabytes = { $number } GB
under-a-kilobyte = wala pang 1 kB
or = { $first } o { $second }
when-later = mamaya
when-today = sa { $time }
when-tomorrow = bukas nang { $time }
when-weekday = sa { $day } nang { $time }
when-on = sa { $day } { $month } nang { $time }
weekday-1 = Lunes
weekday-2 = Martes
weekday-3 = Miyerkules
weekday-4 = Huwebes
weekday-5 = Biyernes
weekday-6 = Sabado
weekday-7 = Linggo
month-1 = Enero
month-2 = Pebrero
month-3 = Marso
month-4 = Abril
month-5 = Mayo
month-6 = Hunyo
month-7 = Hulyo
month-8 = Agosto
month-9 = Setyembre
month-10 = Oktubre
month-11 = Nobyembre
month-12 = Disyembre

## Kapag hindi gumana

code-unknown = Hindi namin kilala ang code na ito. Tingnan ulit ito at subukan muli.
code-used = Nagamit na ang code na ito.
code-revoked = Binawi na ang code na ito.
code-not-yet = Hindi pa magagamit ang code na ito.
code-too-late = Hindi na magagamit ang code na ito.
code-too-many = Masyadong maraming maling code. Maghintay ng { $time } at subukan ulit.
voucher-accepted = Tinanggap ang voucher mo.
device-blocked = Naka-block ang device na ito. Magtanong sa staff.
not-on-sale = Hindi na ito ibinebenta. Pumili ng iba.
not-offered = Hindi na ito iniaalok. Pumili ng ibang paraan.
used-for-now = Naubos mo na ito sa ngayon.
claimed = Nakuha na ito.
recovery-unknown = Hindi namin kilala ang code na ito, o wala nang natitira rito. Tingnan ulit ito at subukan muli.
moved-too-often = Masyado nang madalas itong inilipat ngayong araw. Magtanong sa staff.
same-device = Ito rin ang device na iyon.
nothing-left = Wala nang natitira para kumonekta.
device-unseen = Hindi namin makita ang device mo sa network na ito.
too-many-online = Masyadong maraming device ang online. Subukan ulit mamaya.
not-ready = Hindi pa kami handa. Subukan ulit maya-maya.
went-wrong = May nangyaring mali rito. Subukan ulit.
form-too-much = Masyado itong marami para sa form.
form-unreadable = Hindi mabasa ang form. Subukan ulit.
form-too-many = Masyadong maraming field ang form. I-reload ang pahina.
form-unknown-field = May field ang form na hindi kilala rito. I-reload ang pahina.
heading-done = Tapos na
heading-failed = Hindi iyon gumana
heading-moment = Sandali lang
heading-wrong-method = Hindi iyon gumagana rito
wrong-method = Hindi magagamit ang pahinang ito sa ganitong paraan.
heading-missing = Walang ganoong pahina
missing = Baka mali ang pagkakasulat ng address o luma na ito.
heading-foreign = Hindi iyon galing dito
foreign = May ibang pahinang sumubok na magpadala ng form na ito. Walang nabago.
heading-slow = Masyado itong natagalan
slow = Bumalik at subukan ulit.

## Salita ng mga paraan ng pagpasok

voucher-title = Voucher
voucher-text = Ilagay ang code ng voucher mo.
voucher-code = Code ng voucher
voucher-button = Gamitin ang voucher
account-log-in = Mag-log in
account-name = Pangalan ng user
account-password = Password
account-log-out = Mag-log out
account-is = Naka-log in ka bilang { $name }.
account-out = Naka-log out ka na.
account-unknown = Hindi namin kilala ang pangalang ito na may ganitong password. Tingnan ulit ang dalawa at subukan muli.
account-busy = Maraming nagla-log in ngayon. Subukan ulit maya-maya.
account-too-many = Masyadong maraming maling subok. Maghintay ng { $time } at subukan ulit.
account-on-another = Ginagamit na ang account na ito sa ibang device. Mag-log out muna roon.
account-on-many = Ginagamit na ang account na ito sa { $count } device. Mag-log out muna roon.
account-elsewhere = Ginagamit sa ibang device ang laman ng account na ito. Mag-log out muna roon.
account-changed = May nabago ngayon lang. Subukan ulit maya-maya.
account-nothing = Wala nang natitira sa account na ito. Magtanong sa staff.
account-later = Ubos na ito sa ngayon. Magkakaroon ulit { $when }.
account-gone = Wala na ang account na ito. Magtanong sa staff.
account-full = Ginagamit ang account na ito sa lahat ng device na puwede. Mag-log out muna sa isa sa mga iyon.
account-disabled = Hindi na pinagagana ang account na ito. Magtanong sa staff.
account-expired = Nag-expire na ang account na ito. Magtanong sa staff.
free-title = Libreng access
free-button = Kumonekta nang libre
free-name = Pangalan mo
free-email = Email mo
free-phone = Numero ng telepono mo
free-terms = Tinatanggap ko ang mga tuntunin ng paggamit
free-terms-at = Tinatanggap ko ang mga tuntunin ng paggamit: { $url }
free-later = Naubos mo na ito sa ngayon. Magkakaroon ulit { $when }.
free-today = Libre ngayong araw: { $grant }
free-this-week = Libre ngayong linggo: { $grant }
free-this-month = Libre ngayong buwan: { $grant }
sign-in-silent = Hindi masuri ang pag-log in ngayon. Subukan ulit maya-maya.
not-here = Hindi iyon magagawa rito.
coin-title = Barya
coin-button = Maghulog ng barya
coin-prices = { $prices }
coin-what = Para saan
coin-time = Oras
coin-data = Data
coin-both = Oras at data
coin-insert = Maghulog na ng barya. Bawat barya ay nagsisimula ulit ng bilang.
coin-so-far = { $money } na: { $grant }. Maghulog pa o pindutin ang Tapos.
coin-so-far-rest = { $money } na: { $grant }. Itatabi ang { $rest } para sa susunod mong pagbisita. Maghulog pa o pindutin ang Tapos.
coin-not-enough = { $money } na. Maghulog pa: kulang pa ito.
coin-done = Tapos
coin-cancel = Kanselahin
coin-credit = May { $money } kang credit dito: { $grant }.
coin-use = Gamitin
coin-kept = Itatabi ang { $money } mo para sa susunod mong pagbisita.
coin-noted = Nakatala ang pera mo. Subukan ulit.
coin-noted-as = { $why } Nakatala ang pera mo bilang credit.
coin-not-now = Hindi ka mapapasok ngayon.
coin-wait = May ibang gumagamit ng hulugan ng barya. Maghintay muna.
coin-place = May ibang gumagamit ng hulugan ng barya. Ikaw ang numero { $place } sa pila.
coin-asking = Masyadong maraming humihiling. Subukan ulit.
coin-line-full = Masyadong maraming naghihintay sa hulugan ng barya. Subukan ulit mamaya.
coin-trouble = Hindi magamit ang hulugan ng barya ngayon. Subukan ulit maya-maya.
no-button = Walang ganoong button.
form-tick = Paki-tsek: { $label }
form-fill = Pakipunan: { $label }
form-too-long = { $label }: masyado itong mahaba.
form-wrong = { $label }: hindi ito maaaring tama.
form-twice = { $label }: dalawang beses itong naipadala.
form-letters = { $label }: may mga karakter ito na hindi magagamit dito.
