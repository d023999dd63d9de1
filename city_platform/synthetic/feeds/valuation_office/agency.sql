-- What the valuation office's descriptions are, whatever the day.
-- Macros only: nothing is read or written. The code and the text of a use.
create or replace temp macro valuation_office_use(trade, address_kind) as case
    when trade = 'restaurant'
    then {'code': 'CR', 'text': 'RESTAURANT AND PREMISES'}
    when trade = 'cafe'
    then {'code': 'CR', 'text': 'CAFE AND PREMISES'}
    when trade = 'takeaway'
    then {'code': 'CS7', 'text': 'HOT FOOD TAKEAWAY AND PREMISES'}
    when trade = 'pub' or address_kind = 'pub'
    then {'code': 'CL', 'text': 'PUBLIC HOUSE AND PREMISES'}
    when trade = 'hotel'
    then {'code': 'CH', 'text': 'HOTEL AND PREMISES'}
    when trade = 'care_home'
    then {'code': 'MH', 'text': 'CARE HOME AND PREMISES'}
    when trade = 'school_kitchen'
    then {'code': 'EL', 'text': 'SCHOOL AND PREMISES'}
    when trade = 'hairdresser'
    then {'code': 'CS', 'text': 'HAIRDRESSING SALON AND PREMISES'}
    when trade = 'charity'
    then {'code': 'LC', 'text': 'COMMUNITY CENTRE AND PREMISES'}
    when address_kind = 'office' or trade in ('accountant', 'estate_agent', 'office')
    then {'code': 'CO', 'text': 'OFFICES AND PREMISES'}
    when trade = 'garage'
    then {'code': 'CG1', 'text': 'VEHICLE REPAIR WORKSHOP AND PREMISES'}
    when trade = 'factory'
    then {'code': 'IF', 'text': 'FACTORY AND PREMISES'}
    when address_kind = 'business_unit' and trade in ('cleaner', 'caterer')
    then {'code': 'IF3', 'text': 'WORKSHOP AND PREMISES'}
    when address_kind = 'business_unit'
    then {'code': 'CW', 'text': 'WAREHOUSE AND PREMISES'}
    when address_kind = 'farm'
    then {'code': 'CS', 'text': 'FARM SHOP AND PREMISES'}
    else {'code': 'CS', 'text': 'SHOP AND PREMISES'}
end
;
