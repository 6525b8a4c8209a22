# Textes du portail.

language = Langue
error-title = Erreur : { $title }
start-page = Aller à la page d’accueil

## États

heading-stranger = Nous ne voyons pas votre appareil
heading-blocked = Cet appareil est bloqué
heading-online = Vous êtes en ligne
heading-paused = Votre accès est en pause
heading-ready = Votre accès est prêt
heading-used-up = Votre accès est terminé
heading-new = Bienvenue
heading-closed = Fermé en ce moment
stranger = Cette page est destinée aux appareils reliés à ce réseau. Rejoignez le Wi-Fi, attendez un instant, puis réessayez.
try-again = Réessayer
blocked = Il ne peut pas utiliser ce réseau. Si vous pensez que c’est une erreur, adressez-vous au personnel.
pause = Mettre en pause
while-paused = En pause, rien n’est consommé. Vous pouvez reprendre à tout moment.
while-paused-days-go-on = En pause, ni temps ni données ne sont consommés. Le délai d’utilisation continue de courir.
connect = Se connecter
get-more = Obtenir plus
go-on = Continuer
ask-the-staff = Pour aller en ligne, adressez-vous au personnel.
no-voucher-yet = Pas encore de coupon ? Adressez-vous au personnel.
welcome-choose = Choisissez comment aller en ligne.
go-on-with = Vous pouvez continuer avec l’une de ces options :
soon-time = Il reste moins de { $time }.
soon-data = Il reste moins de { $data }.
soon-closes = Nous fermons { $when }. Ce qu’il vous reste est conservé.
closed-until = C’est fermé en ce moment. Ouvert à nouveau { $when }.
offline = Ce réseau n’a pas de connexion à Internet en ce moment.
offline-time-goes-on = Votre temps continue de s’écouler tant que vous êtes en ligne. Mettez en pause pour garder ce que vous avez.
offline-nothing-used = Rien n’est consommé pendant ce temps.
offline-days-go-on = Pendant ce temps, ni temps ni données ne sont consommés. Le délai d’utilisation continue de courir.
dismiss = Fermer
please-choose = Veuillez choisir
terms = Conditions d’utilisation
terms-accept = J’accepte les conditions d’utilisation
terms-read = Les lire
terms-missing = Veuillez accepter les conditions d’utilisation.
loads-itself = { $count ->
    [one] Cette page se recharge toute seule chaque seconde.
   *[other] Cette page se recharge toute seule toutes les { $count } secondes.
}
stop-that = Ne plus recharger

## Session

time-left = Temps restant
data-left = Données restantes
of-whole = sur { $whole }
no-limit = Sans limite
more-sessions = { $count ->
    [one] 1 autre session vous attend
   *[other] { $count } autres sessions vous attendent
}
other-paused = reste { $left }, en pause
other-new = { $left }, pas encore utilisée
use-this = Utiliser celle-ci
speed = Jusqu’à { $speed }
speed-down = Jusqu’à { $down } en réception
speed-up = Jusqu’à { $up } en envoi
speed-both = Jusqu’à { $down } en réception, { $up } en envoi
mbps = { $number } Mbit/s
can-be-used-for = Utilisable encore { $time }
can-be-used-from = { $count ->
    [one] Utilisable { $count } jour à partir de la première connexion
   *[other] Utilisable { $count } jours à partir de la première connexion
}
ended-used-up = Vous avez tout consommé.
ended-expired = Sa durée de validité est passée.
ended-time = Le temps est épuisé.
ended-data = Les données sont épuisées.
ended-staff = Le personnel y a mis fin.
ended-revoked = Son coupon a été retiré.
ended-moved = Il est passé sur un autre appareil.
used-of = { $used } utilisés sur { $whole }

## Un appareil connu sous une autre adresse

welcome-back = Heureux de vous revoir
left-from-earlier = Il vous reste { $left } de votre visite précédente.
left-and-more = { $count ->
    [one] Il vous reste { $left } et { $count } autre session de votre visite précédente.
   *[other] Il vous reste { $left } et { $count } autres sessions de votre visite précédente.
}
left-both = { $first } et { $second }
left-without-limit = un accès sans limite
bring-over = Le récupérer ici
recovery-have = J’ai un code de récupération
recovery-enter = Êtes-vous déjà venu avec ce téléphone ? Saisissez le code que sa page affichait.
recovery-code = Code de récupération
recovery-keep = Si vous changez de téléphone, saisissez ce code :
recovery-missing = Saisissez votre code de récupération.
recovery-too-long = C’est trop long pour un code.
recovery-letters = Le code contient des caractères qui ne peuvent pas être utilisés ici.
nothing-to-bring = Il ne reste rien à récupérer.
was-brought = C’est récupéré.

## Temps et quantités

days-and-clock = { $count ->
    [one] { $count } jour { $clock }
   *[other] { $count } jours { $clock }
}
days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}
hours = { $count ->
    [one] { $count } heure
   *[other] { $count } heures
}
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
seconds = { $count ->
    [one] { $count } seconde
   *[other] { $count } secondes
}
two-units = { $first } et { $second }
no-time = pas de temps
just-now = à l’instant
minutes-ago = { $count ->
    [one] il y a { $count } minute
   *[other] il y a { $count } minutes
}
hours-ago = { $count ->
    [one] il y a { $count } heure
   *[other] il y a { $count } heures
}
days-ago = { $count ->
    [one] il y a { $count } jour
   *[other] il y a { $count } jours
}
short-days = { $count } j
short-hours = { $count } h
short-minutes = { $count } min
short-seconds = { $count } s
kilobytes = { $number } ko
megabytes = { $number } Mo
gigabytes = { $number } Go
under-a-kilobyte = moins de 1 ko
or = { $first } ou { $second }
when-later = plus tard
when-today = à { $time }
when-tomorrow = demain à { $time }
when-weekday = { $day } à { $time }
when-on = le { $day } { $month } à { $time }
weekday-1 = lundi
weekday-2 = mardi
weekday-3 = mercredi
weekday-4 = jeudi
weekday-5 = vendredi
weekday-6 = samedi
weekday-7 = dimanche
month-1 = janvier
month-2 = février
month-3 = mars
month-4 = avril
month-5 = mai
month-6 = juin
month-7 = juillet
month-8 = août
month-9 = septembre
month-10 = octobre
month-11 = novembre
month-12 = décembre

## Ce qui ne marche pas

code-unknown = Nous ne connaissons pas ce code. Vérifiez-le et réessayez.
code-used = Ce code a déjà été utilisé.
code-revoked = Ce code a été retiré.
code-not-yet = Ce code ne peut pas encore être utilisé.
code-too-late = Ce code ne peut plus être utilisé.
code-too-many = Trop de codes erronés. Attendez { $time } et réessayez.
voucher-accepted = Votre coupon a été accepté.
device-blocked = Cet appareil est bloqué. Adressez-vous au personnel.
not-on-sale = Ceci n’est plus en vente. Choisissez autre chose.
not-offered = Ceci n’est plus proposé. Choisissez une autre façon d’entrer.
used-for-now = Vous l’avez épuisé pour le moment.
claimed = Ceci a déjà été réclamé.
recovery-unknown = Nous ne connaissons pas ce code, ou il n’y reste rien. Vérifiez-le et réessayez.
moved-too-often = Ceci a changé d’appareil trop souvent aujourd’hui. Adressez-vous au personnel.
same-device = C’est le même appareil.
nothing-left = Il ne reste rien pour se connecter.
device-unseen = Nous ne voyons pas votre appareil sur ce réseau.
too-many-online = Trop d’appareils sont en ligne. Réessayez plus tard.
not-ready = Nous ne sommes pas encore prêts. Réessayez dans un instant.
went-wrong = Quelque chose a échoué ici. Réessayez.
form-too-much = C’est trop pour le formulaire.
form-unreadable = Le formulaire n’a pas pu être lu. Réessayez.
form-too-many = Le formulaire a trop de champs. Rechargez la page.
form-unknown-field = Le formulaire a un champ inconnu ici. Rechargez la page.
heading-done = C’est fait
heading-failed = Cela n’a pas marché
heading-moment = Un instant, s’il vous plaît
heading-wrong-method = Cela ne marche pas ici
wrong-method = Cette page ne s’utilise pas de cette façon.
heading-missing = Cette page n’existe pas
missing = L’adresse est peut-être mal saisie ou périmée.
heading-foreign = Cela ne vient pas d’ici
foreign = Une autre page a voulu envoyer ce formulaire. Rien n’a été changé.
heading-slow = Cela a pris trop de temps
slow = Revenez en arrière et réessayez.

## Ce que disent les façons d’entrer

voucher-title = Coupon
voucher-text = Saisissez le code de votre coupon.
voucher-code = Code du coupon
voucher-button = Utiliser le coupon
account-log-in = S’identifier
account-name = Nom d’utilisateur
account-password = Mot de passe
account-log-out = Se déconnecter du compte
account-is = Vous êtes identifié comme { $name }.
account-out = Vous n’êtes plus identifié.
account-unknown = Nous ne connaissons pas ce nom avec ce mot de passe. Vérifiez les deux et réessayez.
account-busy = Beaucoup de personnes s’identifient en ce moment. Réessayez dans un instant.
account-too-many = Trop d’essais erronés. Attendez { $time } et réessayez.
account-on-another = Ce compte est déjà utilisé sur un autre appareil. Quittez-le d’abord là-bas.
account-on-many = Ce compte est déjà utilisé sur { $count } appareils. Quittez-le d’abord là-bas.
account-elsewhere = Ce que possède ce compte est utilisé sur un autre appareil. Quittez-le d’abord là-bas.
account-changed = Quelque chose vient de changer. Réessayez dans un instant.
account-nothing = Il ne reste rien sur ce compte. Adressez-vous au personnel.
account-later = C’est épuisé pour le moment. Il y en aura { $when }.
account-gone = Ce compte n’existe plus. Adressez-vous au personnel.
account-full = Ce compte est utilisé sur autant d’appareils que permis. Quittez-le d’abord sur l’un d’eux.
account-disabled = Ce compte a été désactivé. Adressez-vous au personnel.
account-expired = Ce compte a expiré. Adressez-vous au personnel.
free-title = Accès gratuit
free-button = Se connecter gratuitement
free-name = Votre nom
free-email = Votre adresse e-mail
free-phone = Votre numéro de téléphone
free-terms = J’accepte les conditions d’utilisation
free-terms-at = J’accepte les conditions d’utilisation : { $url }
free-later = Vous l’avez épuisé pour le moment. Il y en aura { $when }.
free-today = Gratuit aujourd’hui : { $grant }
free-this-week = Gratuit cette semaine : { $grant }
free-this-month = Gratuit ce mois-ci : { $grant }
sign-in-silent = L’identification ne peut pas être vérifiée en ce moment. Réessayez dans un instant.
not-here = Cela ne peut pas se faire ici.
coin-title = Pièces
coin-button = Insérer des pièces
coin-prices = { $prices }
coin-what = Pour quoi
coin-time = Temps
coin-data = Données
coin-both = Temps et données
coin-insert = Insérez les pièces maintenant. Chaque pièce relance le compte à rebours.
coin-so-far = { $money } jusqu’ici : { $grant }. Insérez-en plus ou appuyez sur Terminé.
coin-so-far-rest = { $money } jusqu’ici : { $grant }. { $rest } sont gardés pour votre prochaine visite. Insérez-en plus ou appuyez sur Terminé.
coin-not-enough = { $money } jusqu’ici. Insérez-en plus : cela ne suffit pas encore.
coin-done = Terminé
coin-cancel = Annuler
coin-credit = Vous avez { $money } de crédit ici : { $grant }.
coin-use = L’utiliser
coin-kept = Vos { $money } sont gardés pour votre prochaine visite.
coin-noted = Votre argent est noté. Réessayez.
coin-noted-as = { $why } Votre argent est noté comme crédit.
coin-not-now = L’accès ne peut pas vous être ouvert maintenant.
coin-wait = Quelqu’un d’autre est au monnayeur. Veuillez patienter.
coin-place = Quelqu’un d’autre est au monnayeur. Vous êtes numéro { $place } dans la file.
coin-asking = Il y a trop de demandes. Réessayez.
coin-line-full = Trop de personnes attendent le monnayeur. Réessayez plus tard.
coin-trouble = Le monnayeur ne peut pas être utilisé maintenant. Réessayez dans un instant.
no-button = Ce bouton n’existe pas.
form-tick = Veuillez cocher : { $label }
form-fill = Veuillez remplir : { $label }
form-too-long = { $label } : c’est trop long.
form-wrong = { $label } : cela ne peut pas être juste.
form-twice = { $label } : cela a été envoyé deux fois.
form-letters = { $label } : il y a des caractères qui ne peuvent pas être utilisés ici.
